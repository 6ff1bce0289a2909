CREATE TABLE demand (
  hour_start_ms INTEGER NOT NULL,
  region TEXT NOT NULL,
  path TEXT NOT NULL,
  requests INTEGER NOT NULL,
  served_bytes INTEGER NOT NULL,
  PRIMARY KEY (hour_start_ms, region, path)
) STRICT, WITHOUT ROWID;

-- Samples that were counted, so that one that is sent again counts once.
CREATE TABLE counted_sample (
  sample_id TEXT PRIMARY KEY,
  hour_start_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX counted_sample_by_hour ON counted_sample (hour_start_ms);
