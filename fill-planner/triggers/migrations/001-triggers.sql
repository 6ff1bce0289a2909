CREATE TABLE trigger_resource (
  trigger_id TEXT PRIMARY KEY,
  -- Who gave it: an upstream CDN by the name of its token, `operator`, or `calendar`.
  owner TEXT NOT NULL,
  type TEXT NOT NULL,
  -- As it was given, unknown members included (RFC 8007 section 5).
  specification TEXT NOT NULL,
  -- What appliances are told: paths, patterns, tags.
  work TEXT NOT NULL,
  status TEXT NOT NULL,
  -- Errors that were there from the beginning (RFC 8007 section 5.2.6).
  errors TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  modified_at_ms INTEGER NOT NULL,
  -- Prepositions are given to appliances by the first plans that know of them.
  is_assigned INTEGER NOT NULL
) STRICT;
CREATE INDEX trigger_resource_by_owner ON trigger_resource (owner, created_at_ms);

CREATE TABLE trigger_node (
  trigger_id TEXT NOT NULL REFERENCES trigger_resource ON DELETE CASCADE,
  appliance_id TEXT NOT NULL,
  -- waiting, handed, active, complete, failed, cancelled, gone
  state TEXT NOT NULL,
  -- Only of prepositions: the paths that this appliance's plan names.
  paths TEXT,
  object_count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  detail TEXT NOT NULL,
  changed_at_ms INTEGER NOT NULL,
  PRIMARY KEY (trigger_id, appliance_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX trigger_node_by_appliance ON trigger_node (appliance_id);
