-- One row per entry of the calendar: a launch of a title in a region, a retirement, a pin.
CREATE TABLE entry (
  kind TEXT NOT NULL CHECK (kind IN ('launch', 'retirement', 'pin')),
  entry_key TEXT NOT NULL,
  document TEXT NOT NULL,
  changed_at_ms INTEGER NOT NULL,
  PRIMARY KEY (kind, entry_key)
) STRICT, WITHOUT ROWID;

-- Retirements whose title was deleted: the next start must not delete a title of that name that was added again.
CREATE TABLE deleted_title (
  title_id TEXT NOT NULL,
  deletes_at_ms INTEGER NOT NULL,
  PRIMARY KEY (title_id, deletes_at_ms)
) STRICT, WITHOUT ROWID;
