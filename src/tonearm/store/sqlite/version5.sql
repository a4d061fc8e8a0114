-- From version 4 to version 5: how many bytes each client receives in 24 hours, and which records name a file.

-- In buckets of a quarter of an hour (store.allowance).
CREATE TABLE received (
    client TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    bytes  INTEGER NOT NULL CHECK (bytes > 0),
    PRIMARY KEY (client, bucket)
) STRICT, WITHOUT ROWID;
CREATE INDEX received_bucket ON received (bucket);

-- Clients that have used up their allowance: their lanes have no room until then. `allowed` is what the settings said; NULL
-- where it is their key's own, whose changes are noticed without it.
CREATE TABLE spent (
    client  TEXT PRIMARY KEY,
    until   INTEGER NOT NULL,
    allowed INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_until ON spent (until);
CREATE INDEX spent_allowed ON spent (allowed) WHERE allowed IS NOT NULL;

-- What the claim of a task has received so far, as far as it was counted; also of one that is ending.
ALTER TABLE task ADD COLUMN received INTEGER NOT NULL DEFAULT 0 CHECK (received >= 0);
ALTER TABLE ending ADD COLUMN client TEXT;
ALTER TABLE ending ADD COLUMN received INTEGER NOT NULL DEFAULT 0;

-- What tasks have committed, by the path in the library (reading.named_elsewhere); nothing where that is unreadable.
CREATE INDEX task_filed ON task (CASE WHEN json_valid(publication) THEN publication ->> '$.path' END)
    WHERE publication IS NOT NULL;
