-- One row per generation of an object. The description is the JSON of ObjectDescription: nothing is looked up in here
-- by its fields, and a new field needs no new schema.
CREATE TABLE object (
  generation INTEGER PRIMARY KEY,
  description TEXT NOT NULL
) STRICT;

-- Which blocks of a generation are held and their CRC32C, 128 blocks to a row: the format of BlockMap's pages.
CREATE TABLE block_page (
  generation INTEGER NOT NULL,
  page INTEGER NOT NULL,
  held BLOB NOT NULL,
  PRIMARY KEY (generation, page)
) STRICT, WITHOUT ROWID;

-- Apart from the objects, because it is written often and is small.
CREATE TABLE last_use (
  generation INTEGER PRIMARY KEY,
  used_at_ms INTEGER NOT NULL
) STRICT;
