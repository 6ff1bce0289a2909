-- Segments of one rendition are one line: a long title alone has thousands of them. Which path is of which rendition
-- only the catalogue knows, which is another store: counts by path are moved when both are open.
ALTER TABLE demand RENAME TO demand_by_path;

CREATE TABLE demand_hour (
  start_ms INTEGER NOT NULL,
  region TEXT NOT NULL,
  rendition TEXT NOT NULL,
  requests INTEGER NOT NULL,
  served_bytes INTEGER NOT NULL,
  PRIMARY KEY (start_ms, region, rendition)
) STRICT, WITHOUT ROWID;

-- The same by day (UTC), for hours that are some days old.
CREATE TABLE demand_day (
  start_ms INTEGER NOT NULL,
  region TEXT NOT NULL,
  rendition TEXT NOT NULL,
  requests INTEGER NOT NULL,
  served_bytes INTEGER NOT NULL,
  PRIMARY KEY (start_ms, region, rendition)
) STRICT, WITHOUT ROWID;
