-- What plans are made of stands in lean tables of its own, so that a cycle over 200,000 renditions reads neither the
-- documents (an MPD each) nor the hashes (32 bytes per MiB of media).
CREATE TABLE rendition (
  id TEXT PRIMARY KEY,
  title_id TEXT NOT NULL REFERENCES title (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  file_count INTEGER NOT NULL,
  -- NULL: taken in before this was measured; the store measures it when it opens.
  duration_ms INTEGER,
  codecs TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rendition_by_title ON rendition (title_id);

INSERT INTO rendition
SELECT r.value ->> 'id', title.id, r.value ->> 'kind', r.value ->> 'sizeBytes',
       json_array_length(r.value, '$.files'), NULL, ''
FROM title, json_each(title.document, '$.renditions') AS r;

-- By root, once for equal files: SHA-256 of the blocks, and the segment map (JSON text of old, packed since).
CREATE TABLE content (root TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, block_hashes BLOB NOT NULL, segments ANY NOT NULL) STRICT;
INSERT OR IGNORE INTO content SELECT root, size_bytes, block_hashes, segments FROM file;

ALTER TABLE file RENAME TO old_file;
CREATE TABLE file (
  rendition_id TEXT NOT NULL REFERENCES rendition (id) ON DELETE CASCADE,
  -- Place in the rendition: header, segments in the order of playing, playlists.
  position INTEGER NOT NULL,
  path TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  root TEXT NOT NULL REFERENCES content (root),
  -- How much of it belongs to the rendition's head: none, its beginning, or all.
  head_bytes INTEGER NOT NULL,
  PRIMARY KEY (rendition_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO file
SELECT r.value ->> 'id', f.key, old_file.path, old_file.size_bytes, old_file.root, 0
FROM title, json_each(title.document, '$.renditions') AS r, json_each(r.value, '$.files') AS f
JOIN old_file ON old_file.path = f.value ->> 'path';
DROP TABLE old_file;
CREATE UNIQUE INDEX file_by_path ON file (path);
CREATE INDEX file_by_root ON file (root);

ALTER TABLE title ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE title ADD COLUMN duration_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE title ADD COLUMN origin_url TEXT NOT NULL DEFAULT '';
UPDATE title SET
  name = document ->> 'name', duration_ms = document ->> 'durationMs', origin_url = document ->> 'originUrl';
