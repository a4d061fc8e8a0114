-- The database of one queue, version 1. Times are store milliseconds (storetime.py), sizes bytes.
-- Every CHECK is an invariant of design.md, section 4; every partial index carries one question of a hot path.

-- What the file knows about itself: instance, the anchor of store time, the virtual time of each lane kind.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('virtual:track', 0), ('virtual:resolve', 0);

-- A task is a job (parent IS NULL) or one track of a resolved album. `seq` is the order of age and is never given twice,
-- so that tracks whose album is gone cannot fall to another one.
CREATE TABLE task (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    parent           INTEGER,                       -- seq of the album
    position         INTEGER CHECK (position >= 1), -- place in the album's list
    type             TEXT NOT NULL CHECK (type IN ('track', 'album')),
    client           TEXT NOT NULL,
    catalog_id       INTEGER NOT NULL,
    quality          TEXT NOT NULL CHECK (quality IN ('LOW', 'HIGH', 'LOSSLESS')),
    track_title      TEXT,
    album_title      TEXT,
    artist_name      TEXT,
    track_number     INTEGER,
    priority         INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 2), -- 0 is high
    max_retries      INTEGER NOT NULL,
    -- where it stands
    state            TEXT NOT NULL CHECK (state IN
                         ('ready', 'active', 'delayed', 'waiting', 'paused', 'completed', 'failed', 'cancelled')),
    came_from        TEXT CHECK (came_from IN ('ready', 'delayed', 'waiting')), -- of a paused job
    due_at           INTEGER,
    lane             TEXT CHECK (lane IN ('track', 'resolve')), -- the kind of claim it is an entry of, now
    healthy          INTEGER NOT NULL DEFAULT 0,    -- the entry offers a task that is no suspect
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER,
    -- the current claim, and what the ones before left
    epoch            INTEGER NOT NULL DEFAULT 0,
    token            TEXT,
    worker           TEXT,
    lease_until      INTEGER,
    ended_token      TEXT,                          -- of the claim before, if it was settled
    stage_worker     TEXT,                          -- who has the stage of the newest epoch
    cancel_wanted    INTEGER NOT NULL DEFAULT 0,
    pause_wanted     INTEGER NOT NULL DEFAULT 0,
    -- how far it came: the newest mark, the best so far, and the best of the claims before the current one
    bytes_done       INTEGER NOT NULL DEFAULT 0,
    bytes_total      INTEGER,
    best_phase       INTEGER NOT NULL DEFAULT 0,
    best_bytes       INTEGER NOT NULL DEFAULT 0,
    high_phase       INTEGER NOT NULL DEFAULT 0,
    high_bytes       INTEGER NOT NULL DEFAULT 0,
    stalls           INTEGER NOT NULL DEFAULT 0,    -- in a row
    retry_count      INTEGER NOT NULL DEFAULT 0,    -- of an album: the sum of its tracks'
    corrupt_count    INTEGER NOT NULL DEFAULT 0,
    error            TEXT,
    last_error       TEXT,
    failure_code     TEXT,
    -- what it brought; of an album: the sums of its tracks'
    publication      TEXT,                          -- JSON, model.Publication
    files            TEXT,                          -- JSON, list of paths
    warnings         TEXT,                          -- JSON, list of texts
    file_count       INTEGER NOT NULL DEFAULT 0,
    size             INTEGER NOT NULL DEFAULT 0,
    download_ms      INTEGER NOT NULL DEFAULT 0,
    -- albums
    album            TEXT,                          -- JSON, model.AlbumInfo
    outcome          TEXT CHECK (outcome IN ('ok', 'partial')),
    track_count      INTEGER NOT NULL DEFAULT 0,    -- 0 until the list is fixed
    entered          INTEGER NOT NULL DEFAULT 0,    -- rows of tracks
    ready_tracks     INTEGER NOT NULL DEFAULT 0,
    ready_suspects   INTEGER NOT NULL DEFAULT 0,
    completed_tracks INTEGER NOT NULL DEFAULT 0,
    failed_tracks    INTEGER NOT NULL DEFAULT 0,
    cancelled_tracks INTEGER NOT NULL DEFAULT 0,
    chore            TEXT CHECK (chore IN ('cancel', 'retry', 'trim')), -- what its tracks still have to follow
    chore_position   INTEGER,
    history_count    INTEGER NOT NULL DEFAULT 0,
    -- which retention a finished job falls under
    shelf            TEXT GENERATED ALWAYS AS (
                         CASE WHEN parent IS NOT NULL OR finished_at IS NULL THEN NULL
                              WHEN outcome = 'partial' THEN 'partial' ELSE state END) VIRTUAL,

    CHECK ((parent IS NULL) = (position IS NULL)),
    CHECK (parent IS NULL OR (type = 'track' AND state NOT IN ('paused', 'waiting'))),
    CHECK ((state = 'active') = (token IS NOT NULL)),
    CHECK ((state = 'active') = (worker IS NOT NULL)),
    CHECK ((state = 'active') = (lease_until IS NOT NULL)),
    CHECK (state = 'active' OR (cancel_wanted = 0 AND pause_wanted = 0)),
    CHECK ((state = 'paused') = (came_from IS NOT NULL)),
    CHECK ((state = 'delayed' OR came_from IS 'delayed') = (due_at IS NOT NULL)),
    CHECK ((state IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK ((state <> 'waiting' AND came_from IS NOT 'waiting') OR (type = 'album' AND track_count > 0)),
    CHECK (state <> 'failed' OR (error IS NOT NULL AND failure_code IS NOT NULL)),
    CHECK (state <> 'completed' OR type = 'album' OR publication IS NOT NULL),
    CHECK ((type = 'album' AND state = 'completed') = (outcome IS NOT NULL)),
    CHECK (lane IS NULL OR (parent IS NULL AND state IN ('ready', 'waiting'))),
    CHECK (healthy = 0 OR lane IS NOT NULL),
    CHECK (min(entered, ready_tracks, ready_suspects, completed_tracks, failed_tracks, cancelled_tracks) >= 0),
    CHECK (ready_suspects <= ready_tracks),
    CHECK (ready_tracks + completed_tracks + failed_tracks + cancelled_tracks <= entered),
    CHECK ((chore IS NULL) = (chore_position IS NULL)),
    CHECK (chore IS NULL OR type = 'album')
) STRICT;

-- claims
CREATE UNIQUE INDEX task_token ON task (token) WHERE token IS NOT NULL;
CREATE INDEX task_entry ON task (lane, client, priority, type DESC, seq) WHERE lane IS NOT NULL;
CREATE INDEX task_due ON task (due_at, seq) WHERE state = 'delayed';
CREATE INDEX task_lease ON task (lease_until, seq) WHERE state = 'active';
CREATE INDEX task_holder ON task (worker, seq) WHERE state = 'active';
CREATE INDEX task_suspect ON task (seq) WHERE state = 'active' AND stalls >= 2;
-- albums
CREATE UNIQUE INDEX task_track ON task (parent, position) WHERE parent IS NOT NULL;
CREATE INDEX task_track_state ON task (parent, state, position) WHERE parent IS NOT NULL;
CREATE INDEX task_track_open ON task (parent, position) WHERE parent IS NOT NULL AND state <> 'completed';
CREATE INDEX task_chore ON task (seq) WHERE chore IS NOT NULL;
-- submissions and lists
CREATE INDEX job_same ON task (client, type, catalog_id, quality, seq) WHERE parent IS NULL AND finished_at IS NULL;
CREATE INDEX job_created ON task (seq) WHERE parent IS NULL;
CREATE INDEX job_unfinished ON task (seq) WHERE parent IS NULL AND finished_at IS NULL;
CREATE INDEX job_processing ON task (started_at, seq) WHERE parent IS NULL AND state IN ('active', 'waiting');
CREATE INDEX job_queued ON task (priority, seq) WHERE parent IS NULL AND state IN ('ready', 'delayed');
CREATE INDEX job_paused ON task (seq) WHERE parent IS NULL AND state = 'paused';
CREATE INDEX job_shelf ON task (shelf, finished_at, seq) WHERE shelf IS NOT NULL;

-- A client's place among the others, per kind of claim (fair.py). `tag` is the start tag of its next task.
CREATE TABLE lane (
    client  TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('track', 'resolve')),
    tag     INTEGER NOT NULL,
    entries INTEGER NOT NULL CHECK (entries >= 0),
    healthy INTEGER NOT NULL CHECK (healthy BETWEEN 0 AND entries),
    held    INTEGER NOT NULL CHECK (held >= 0),    -- track: tasks active; resolve: albums active or waiting
    room    INTEGER NOT NULL,                      -- the most that may be held for another pick
    PRIMARY KEY (client, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX lane_open ON lane (kind, tag, client, healthy) WHERE entries > 0 AND held < room;
CREATE INDEX lane_idle ON lane (kind, tag) WHERE entries = 0 AND held = 0;

-- Unfinished jobs of each client.
CREATE TABLE client (
    name       TEXT PRIMARY KEY,
    unfinished INTEGER NOT NULL CHECK (unfinished > 0)
) STRICT, WITHOUT ROWID;

-- Counts by status and sums for the metrics.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT, WITHOUT ROWID;

-- The feed. AUTOINCREMENT: an id never comes back.
CREATE TABLE event (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('job', 'removed')),
    job  TEXT NOT NULL
) STRICT;
CREATE INDEX event_removed ON event (job) WHERE kind = 'removed';

-- A job's own story; what happened to an album's tracks stands with the album.
CREATE TABLE history (
    job     INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    event   TEXT NOT NULL,
    attempt INTEGER,
    code    TEXT,
    message TEXT,
    worker  TEXT,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- Submissions inside the rate window.
CREATE TABLE rate (
    number INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX rate_client ON rate (client, at);
CREATE INDEX rate_at ON rate (at);

-- Library names that tasks hold; `key` is the name folded for comparison. A track's row outlives its album's end, and
-- counts for nothing from then on: who wants the name replaces it, and it goes with the track at the latest.
CREATE TABLE reservation (
    key  TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    task INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- Stages whose task ended or went while nobody worked on it, until a worker says that they are gone from disk.
CREATE TABLE discard (
    worker TEXT NOT NULL,
    task   TEXT NOT NULL,
    epoch  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (worker, task, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX discard_at ON discard (at);

-- Claims that were taken from their workers: whose token it was, so that a poll can say which task is lost.
CREATE TABLE taken (
    token TEXT PRIMARY KEY,
    task  TEXT NOT NULL,
    at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX taken_at ON taken (at);

-- Albums that are deleted while rows of their tracks are still there.
CREATE TABLE orphanage (
    album INTEGER PRIMARY KEY
) STRICT;

-- Workers that gave a sign of life.
CREATE TABLE worker (
    id             TEXT PRIMARY KEY,
    host           TEXT NOT NULL,
    started_at     INTEGER NOT NULL,
    last_heartbeat INTEGER NOT NULL,
    max_concurrent INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX worker_heartbeat ON worker (last_heartbeat);

-- Records that could not be read, whole, for a person to look at.
CREATE TABLE set_aside (
    number INTEGER PRIMARY KEY,
    task   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body   TEXT NOT NULL
) STRICT;

-- The sequences stand from the beginning, so that an emptied store has the rows of a new one.
INSERT INTO sqlite_sequence (name, seq) VALUES ('task', 0), ('event', 0);
