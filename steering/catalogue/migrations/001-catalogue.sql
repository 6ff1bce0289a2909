-- One row: the last catalogue that the planner gave.
CREATE TABLE catalogue (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  etag TEXT,
  received_at_ms INTEGER NOT NULL,
  snapshot TEXT NOT NULL
) STRICT;

CREATE TABLE rendition_list (
  appliance_id TEXT NOT NULL,
  plan_version INTEGER NOT NULL,
  list TEXT NOT NULL,
  PRIMARY KEY (appliance_id, plan_version)
) STRICT;
