-- One row: counts up with every change of what GET /v1/catalogue answers.
CREATE TABLE catalogue (catalogue_version INTEGER NOT NULL) STRICT;
INSERT INTO catalogue VALUES (0);

CREATE TABLE title (
  id TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  added_at_ms INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE file (
  path TEXT PRIMARY KEY,
  title_id TEXT NOT NULL REFERENCES title (id) ON DELETE CASCADE,
  size_bytes INTEGER NOT NULL,
  root TEXT NOT NULL,
  block_hashes BLOB NOT NULL,
  segments TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX file_by_root ON file (root);
CREATE INDEX file_by_title ON file (title_id);
