-- One row: where the release under way stands, what is held, and what has been measured against the plans in force.
CREATE TABLE rollout_state (document TEXT NOT NULL) STRICT;

-- The plans to go back to, and those that will take their place when nothing speaks against them for long enough.
CREATE TABLE good_plan (appliance_id TEXT PRIMARY KEY, plan_version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE marked_plan (appliance_id TEXT PRIMARY KEY, plan_version INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE efficiency_hour (
  hour_start_ms INTEGER NOT NULL,
  cluster_id TEXT NOT NULL,
  served_bytes INTEGER NOT NULL,
  missed_bytes INTEGER NOT NULL,
  lost_bytes INTEGER NOT NULL,
  won_bytes INTEGER NOT NULL,
  PRIMARY KEY (hour_start_ms, cluster_id)
) STRICT, WITHOUT ROWID;

-- What was decided and why, newest last.
CREATE TABLE rollout_event (
  number INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  says TEXT NOT NULL
) STRICT;
