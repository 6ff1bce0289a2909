CREATE TABLE plan (
  appliance_id TEXT NOT NULL,
  plan_version INTEGER NOT NULL,
  -- Digest of what makes a version (renditions, files, sources) and of the whole text but its date and signature.
  content_digest TEXT NOT NULL,
  text_digest TEXT NOT NULL,
  -- When this version was new: the zero of its sources' waits, where a window was open then.
  content_since_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (appliance_id, plan_version)
) STRICT;

-- The last version ever given to an appliance; kept when it leaves the fleet, so that a version never means two things.
CREATE TABLE plan_counter (
  appliance_id TEXT PRIMARY KEY,
  plan_version INTEGER NOT NULL,
  is_planned INTEGER NOT NULL
) STRICT;

CREATE TABLE fill_master (
  master_key TEXT PRIMARY KEY,
  appliance_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- At most one row: a window that the operator opened by hand.
CREATE TABLE opened_window (starts_at_ms INTEGER NOT NULL, ends_at_ms INTEGER NOT NULL) STRICT;

CREATE TABLE fill_report (
  appliance_id TEXT PRIMARY KEY,
  received_at_ms INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;
