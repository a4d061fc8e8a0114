-- From version 3 to version 4.

-- The keys of the API, and their sessions. A session's `parent` is the name of its key.
CREATE TABLE api_key (
    name   TEXT PRIMARY KEY,
    parent TEXT,
    body   TEXT NOT NULL                           -- JSON, model.KeyRecord
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_parent ON api_key (parent) WHERE parent IS NOT NULL;

-- Answers under idempotency keys, so that a submission can be said again for a day.

CREATE TABLE answered (
    number    INTEGER PRIMARY KEY,
    client    TEXT NOT NULL,
    key       TEXT NOT NULL,
    digest    TEXT NOT NULL,
    answer    TEXT NOT NULL,                       -- the id of the job; of a batch JSON, store.batches
    duplicate INTEGER NOT NULL,
    at        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX answered_key ON answered (client, key);
CREATE INDEX answered_at ON answered (at);
