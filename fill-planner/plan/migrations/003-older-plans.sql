-- Stores that were new with columns, or lost their older plans to them.
CREATE TABLE IF NOT EXISTS older_plan (
  appliance_id TEXT NOT NULL,
  plan_version INTEGER NOT NULL,
  content_digest TEXT NOT NULL,
  text_digest TEXT NOT NULL,
  content_since_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (appliance_id, plan_version)
) STRICT;
