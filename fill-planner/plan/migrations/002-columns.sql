-- A plan of 50,000 files is 20 MB as JSON; as columns over numbered contents it is a few hundred kilobytes, and the JSON
-- is written when its appliance asks. Plans of old are made anew by the first cycle, which begins with what they hold
-- (stored/older-plans.ts); their counters go on.
DELETE FROM plan WHERE NOT EXISTS (
  SELECT 1 FROM plan_counter AS newest
  WHERE newest.appliance_id = plan.appliance_id AND newest.plan_version = plan.plan_version);
ALTER TABLE plan RENAME TO older_plan;
DROP TABLE fill_master;

-- What plans are made of: the files of a rendition as they were when it was planned, numbered for good.
CREATE TABLE content (
  content_id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- SHA-256 of the two columns behind it.
  digest BLOB NOT NULL UNIQUE,
  rendition_id TEXT NOT NULL,
  -- JSON: [path, bytes, root, bytes of the head], file by file.
  files TEXT NOT NULL,
  -- Of the last cycle that planned it, to the day.
  used_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE plan (
  appliance_id TEXT NOT NULL,
  plan_version INTEGER NOT NULL,
  -- SHA-256 of what makes a version (contents, parts, sources), and of all but the date.
  content_digest BLOB NOT NULL,
  text_digest BLOB NOT NULL,
  -- When this version was new: the zero of its sources' waits, where a window was open then.
  content_since_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  windows TEXT NOT NULL,
  rendition_count INTEGER NOT NULL,
  file_count INTEGER NOT NULL,
  plan_bytes INTEGER NOT NULL,
  -- See pack-draft.ts.
  packed BLOB NOT NULL,
  -- Ed25519 over the text digest, version and date, by the planner's key of this id.
  key_id TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (appliance_id, plan_version)
) STRICT;
