CREATE TABLE withholding (
  name TEXT PRIMARY KEY,
  withholding TEXT NOT NULL
) STRICT;
