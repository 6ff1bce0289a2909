CREATE TABLE appliance (
  number INTEGER PRIMARY KEY,
  appliance_id TEXT NOT NULL UNIQUE
) STRICT;

-- What an appliance served and took in within five minutes; slot is its start in units of five minutes since 1970.
CREATE TABLE slot_traffic (
  appliance INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  served INTEGER NOT NULL,
  fill_peer INTEGER NOT NULL,
  fill_tier INTEGER NOT NULL,
  fill_origin INTEGER NOT NULL,
  miss_peer INTEGER NOT NULL,
  miss_tier INTEGER NOT NULL,
  miss_origin INTEGER NOT NULL,
  PRIMARY KEY (appliance, slot)
) STRICT, WITHOUT ROWID;

-- The same by hours, of months that are over for a while. slot is the first of the hour.
CREATE TABLE hour_traffic (
  appliance INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  served INTEGER NOT NULL,
  fill_peer INTEGER NOT NULL,
  fill_tier INTEGER NOT NULL,
  fill_origin INTEGER NOT NULL,
  miss_peer INTEGER NOT NULL,
  miss_tier INTEGER NOT NULL,
  miss_origin INTEGER NOT NULL,
  PRIMARY KEY (appliance, slot)
) STRICT, WITHOUT ROWID;

-- 95th percentiles of a site's month, counted while its five minutes were still there.
CREATE TABLE site_month (
  site_id TEXT NOT NULL,
  month TEXT NOT NULL,
  served_bits_per_sec REAL NOT NULL,
  crossed_bits_per_sec REAL NOT NULL,
  PRIMARY KEY (site_id, month)
) STRICT, WITHOUT ROWID;
