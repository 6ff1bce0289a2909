-- Stores that were new with counts by rendition, or lost those by path to them.
CREATE TABLE IF NOT EXISTS demand_by_path (
  hour_start_ms INTEGER NOT NULL,
  region TEXT NOT NULL,
  path TEXT NOT NULL,
  requests INTEGER NOT NULL,
  served_bytes INTEGER NOT NULL,
  PRIMARY KEY (hour_start_ms, region, path)
) STRICT, WITHOUT ROWID;
