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

-- What the catalog announced and did not list, and how often an album had to be resolved again for its present list: the
-- latter stood in retry_count alone as long as a list could not be asked for a second time.
ALTER TABLE task ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0 CHECK (unlisted >= 0);
ALTER TABLE task ADD COLUMN resolve_retries INTEGER NOT NULL DEFAULT 0 CHECK (resolve_retries BETWEEN 0 AND retry_count);
UPDATE task SET resolve_retries = retry_count WHERE type = 'album' AND track_count = 0;
