-- Whether the rows say all that the data files hold: 0 in a new index until the files were walked, so that a process that
-- dies while it rebuilds a lost index begins again, and does not take the files that it has not seen for orphans.
CREATE TABLE completeness (
  complete INTEGER NOT NULL
) STRICT;

-- An index of before there was this table was always complete.
INSERT INTO completeness SELECT EXISTS (SELECT 1 FROM object);
