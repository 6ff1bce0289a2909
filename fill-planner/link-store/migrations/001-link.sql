-- What the operator measured on a site's link, fill included, by slots of five minutes since the epoch.
CREATE TABLE link_sample (
  site_id TEXT NOT NULL,
  slot INTEGER NOT NULL,
  bits_per_sec REAL NOT NULL,
  PRIMARY KEY (site_id, slot)
) STRICT, WITHOUT ROWID;

-- What appliances were allowed to take across the link in a period. It never shrinks: they may have used it.
CREATE TABLE given_cap (
  site_id TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  appliance_id TEXT NOT NULL,
  max_bytes INTEGER NOT NULL,
  PRIMARY KEY (site_id, since_ms, until_ms, appliance_id)
) STRICT, WITHOUT ROWID;
