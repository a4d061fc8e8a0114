-- From version 1 to version 2: what stays of a deleted job, and how many tracks a catalog announced without listing them.

-- Claims of deleted tasks whose workers have not stopped: they may be renewed and settled, and nothing else. A claim that
-- has stopped (lease_until IS NULL) is remembered for a while, so that it can be said again.
CREATE TABLE ending (
    token       TEXT PRIMARY KEY,
    task        TEXT NOT NULL,
    worker      TEXT NOT NULL,
    epoch       INTEGER NOT NULL,
    stage       INTEGER NOT NULL,                  -- whether the claim has a stage
    lease_until INTEGER,
    key         TEXT,                              -- of the library name that it may still publish under
    at          INTEGER NOT NULL,

    CHECK (lease_until IS NOT NULL OR key IS NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX ending_lease ON ending (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX ending_holder ON ending (worker) WHERE lease_until IS NOT NULL;
CREATE INDEX ending_key ON ending (key) WHERE key IS NOT NULL;
CREATE INDEX ending_at ON ending (at) WHERE lease_until IS NULL;

-- Deleted jobs that still read as cancelled, for as long as their deletion said.
CREATE TABLE tombstone (
    id     TEXT PRIMARY KEY,
    until  INTEGER NOT NULL,
    record TEXT NOT NULL                           -- JSON, model.JobRecord
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_until ON tombstone (until);

ALTER TABLE task ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0 CHECK (unlisted >= 0);
