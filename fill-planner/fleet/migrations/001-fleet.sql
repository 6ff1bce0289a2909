-- One row: the fleet document, and how often it has changed.
CREATE TABLE fleet (
  fleet_version INTEGER NOT NULL,
  document TEXT NOT NULL,
  changed_at_ms INTEGER NOT NULL
) STRICT;
