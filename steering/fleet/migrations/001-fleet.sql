CREATE TABLE appliance (
  appliance_id TEXT PRIMARY KEY,
  heartbeat TEXT NOT NULL,
  heard_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE route_report (
  appliance_id TEXT PRIMARY KEY,
  site_id TEXT NOT NULL,
  reported_at_ms INTEGER NOT NULL,
  report TEXT NOT NULL
) STRICT;
