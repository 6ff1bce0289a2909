CREATE TABLE trusted_key (
  key_id TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  role TEXT NOT NULL,
  public_key TEXT NOT NULL,
  token_sha256 TEXT NOT NULL,
  enrolled_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE enrolment_token (
  token_sha256 TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  role TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;
