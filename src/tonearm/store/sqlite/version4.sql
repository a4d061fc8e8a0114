-- From version 3 to version 4: the keys of the API, and their sessions. A session's `parent` is the name of its key.
CREATE TABLE api_key (
    name   TEXT PRIMARY KEY,
    parent TEXT,
    body   TEXT NOT NULL                           -- JSON, model.KeyRecord
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_parent ON api_key (parent) WHERE parent IS NOT NULL;
