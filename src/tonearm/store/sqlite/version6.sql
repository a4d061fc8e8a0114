-- From version 5 to version 6: what somebody outside is told (store.notices).

-- Jobs that ended, until that is told.
CREATE TABLE notice (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    topic  TEXT NOT NULL CHECK (topic IN ('job.completed', 'job.partial', 'job.failed')),
    job    TEXT NOT NULL
) STRICT;

-- Bodies on their way to an address; one that is over stays for a while, without its body.
CREATE TABLE delivery (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    target   TEXT NOT NULL,
    shown    TEXT NOT NULL,
    topic    TEXT NOT NULL,
    body     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at   INTEGER,
    over_at  INTEGER,
    received INTEGER NOT NULL DEFAULT 0,
    answer   TEXT,                                 -- what came of the last try

    CHECK ((due_at IS NULL) = (over_at IS NOT NULL)),
    CHECK (received = 0 OR over_at IS NOT NULL)
) STRICT;
CREATE INDEX delivery_due ON delivery (target, due_at, number) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_waiting ON delivery (number) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_over ON delivery (over_at, number) WHERE over_at IS NOT NULL;

INSERT INTO sqlite_sequence (name, seq) VALUES ('notice', 0), ('delivery', 0);
