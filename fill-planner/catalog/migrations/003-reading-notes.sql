-- What a reading of a title found so far, so that one that was cut off is not begun again. Rows of a title that is in
-- the catalogue stay: adding it again then reads only what changed.
CREATE TABLE finished_file (
  title_id TEXT NOT NULL,
  -- The folder that was read, in words.
  source TEXT NOT NULL,
  title_path TEXT NOT NULL,
  -- Equal validators are equal bytes.
  validator TEXT NOT NULL,
  root TEXT NOT NULL REFERENCES content (root),
  -- Segment map, packed; NULL for files without boxes.
  map BLOB,
  noted_at_ms INTEGER NOT NULL,
  UNIQUE (title_id, source, title_path)
) STRICT;
CREATE INDEX finished_by_root ON finished_file (root);

CREATE TABLE half_read_file (
  title_id TEXT NOT NULL,
  source TEXT NOT NULL,
  title_path TEXT NOT NULL,
  validator TEXT NOT NULL,
  done_bytes INTEGER NOT NULL,
  block_hashes BLOB NOT NULL,
  -- The mapping of segments half way, packed; NULL for files without boxes.
  mapping BLOB,
  noted_at_ms INTEGER NOT NULL,
  UNIQUE (title_id, source, title_path)
) STRICT;
