-- From version 2 to version 3: jobs that move from one store to another.

-- Ids of jobs that were deleted or pruned: no late submission and no second move brings one back.
CREATE TABLE gone (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gone_at ON gone (at);
INSERT INTO gone (id, at) SELECT job, max(at) FROM event WHERE kind = 'removed' GROUP BY job;
DROP INDEX event_removed;

-- Pages of the tracks of albums that were taken in. While `at` stands, the last page has not come, and nobody sees the
-- album; afterwards it is here, and its tracks get their rows page by page.
CREATE TABLE arriving (
    job   TEXT NOT NULL,
    start INTEGER NOT NULL,
    count INTEGER NOT NULL,
    at    INTEGER,
    body  TEXT NOT NULL,                           -- JSON, list of model.TrackDump
    PRIMARY KEY (job, start)
) STRICT, WITHOUT ROWID;
CREATE INDEX arriving_at ON arriving (at);

-- Jobs that are being handed over to another store, and the albums among them whose tracks have rows left.
ALTER TABLE task ADD COLUMN moving INTEGER NOT NULL DEFAULT 0 CHECK (moving = 0 OR (moving = 1 AND parent IS NULL));
CREATE INDEX task_moving ON task (id) WHERE moving = 1;
ALTER TABLE orphanage ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;
