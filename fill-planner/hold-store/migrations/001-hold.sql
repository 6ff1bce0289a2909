-- What each cluster's hold remembers from cycle to cycle, as JSON.
CREATE TABLE hold_memory (cluster_id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
