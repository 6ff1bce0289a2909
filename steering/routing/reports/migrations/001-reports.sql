CREATE TABLE report (
  appliance_id TEXT PRIMARY KEY,
  body BLOB NOT NULL
) STRICT;
