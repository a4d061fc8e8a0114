-- A database of version 5: the one of version 4 as the steps of that Tonearm brought it there, with all that it holds,
-- and a claim that has received something. Made by running them; not to be changed.

BEGIN TRANSACTION;

-- Table  answered
CREATE TABLE answered (
    number    INTEGER PRIMARY KEY,
    client    TEXT NOT NULL,
    key       TEXT NOT NULL,
    digest    TEXT NOT NULL,
    answer    TEXT NOT NULL,                       -- the id of the job; of a batch JSON, store.batches
    duplicate INTEGER NOT NULL,
    at        INTEGER NOT NULL
) STRICT;
-- Triggers and indices on  answered
CREATE INDEX answered_at ON answered (at);
CREATE UNIQUE INDEX answered_key ON answered (client, key);

-- Table  api_key
CREATE TABLE api_key (
    name   TEXT PRIMARY KEY,
    parent TEXT,
    body   TEXT NOT NULL                           -- JSON, model.KeyRecord
) STRICT, WITHOUT ROWID;
-- Triggers and indices on  api_key
CREATE INDEX api_key_parent ON api_key (parent) WHERE parent IS NOT NULL;

-- Table  arriving
CREATE TABLE arriving (
    job   TEXT NOT NULL,
    start INTEGER NOT NULL,
    count INTEGER NOT NULL,
    at    INTEGER,
    body  TEXT NOT NULL,                           -- JSON, list of model.TrackDump
    PRIMARY KEY (job, start)
) STRICT, WITHOUT ROWID;
-- Triggers and indices on  arriving
CREATE INDEX arriving_at ON arriving (at);

-- Table  client
CREATE TABLE client (
    name       TEXT PRIMARY KEY,
    unfinished INTEGER NOT NULL CHECK (unfinished > 0)
) STRICT, WITHOUT ROWID;
INSERT INTO client VALUES('ann',5);
INSERT INTO client VALUES('bob',1);

-- Table  counter
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES('download_ms',2700);
INSERT INTO counter VALUES('failure:not_found',1);
INSERT INTO counter VALUES('retries',2);
INSERT INTO counter VALUES('status:cancelled',1);
INSERT INTO counter VALUES('status:completed',2);
INSERT INTO counter VALUES('status:failed',1);
INSERT INTO counter VALUES('status:paused',1);
INSERT INTO counter VALUES('status:processing',4);
INSERT INTO counter VALUES('status:queued',1);
INSERT INTO counter VALUES('timed',3);

-- Table  discard
CREATE TABLE discard (
    worker TEXT NOT NULL,
    task   TEXT NOT NULL,
    epoch  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (worker, task, epoch)
) STRICT, WITHOUT ROWID;
-- Triggers and indices on  discard
CREATE INDEX discard_at ON discard (at);

-- Table  ending
CREATE TABLE ending (
    token       TEXT PRIMARY KEY,
    task        TEXT NOT NULL,
    worker      TEXT NOT NULL,
    epoch       INTEGER NOT NULL,
    stage       INTEGER NOT NULL,                  -- whether the claim has a stage
    lease_until INTEGER,
    key         TEXT,                              -- of the library name that it may still publish under
    at          INTEGER NOT NULL, client TEXT, received INTEGER NOT NULL DEFAULT 0,

    CHECK (lease_until IS NOT NULL OR key IS NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO ending VALUES('1:3d8ebe6998044f80','job-1763900000000-t1','w8',1,1,1763900060000,NULL,1763900000000,NULL,0);
INSERT INTO ending VALUES('1:c0c619c6b98042bf','job-1763900000000-t3','w8',1,1,1763900060000,NULL,1763900000000,NULL,0);
-- Triggers and indices on  ending
CREATE INDEX ending_at ON ending (at) WHERE lease_until IS NULL;
CREATE INDEX ending_holder ON ending (worker) WHERE lease_until IS NOT NULL;
CREATE INDEX ending_key ON ending (key) WHERE key IS NOT NULL;
CREATE INDEX ending_lease ON ending (lease_until) WHERE lease_until IS NOT NULL;

-- Table  event
CREATE TABLE event (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('job', 'removed')),
    job  TEXT NOT NULL
) STRICT;
INSERT INTO event VALUES(1,1763900000000,'job','job-1763900000000-old1');
INSERT INTO event VALUES(2,1763900000000,'job','job-1763900000000-old1');
INSERT INTO event VALUES(3,1763900000000,'job','job-1763900000000-old3');
INSERT INTO event VALUES(4,1763900000000,'job','job-1763900000000-old3');
INSERT INTO event VALUES(5,1763900000000,'job','job-1763900000000-old3');
INSERT INTO event VALUES(6,1763900000000,'job','job-1763900000000-old5');
INSERT INTO event VALUES(7,1763900000000,'job','job-1763900000000-old5');
INSERT INTO event VALUES(8,1763900000000,'job','job-1763900000000-old7');
INSERT INTO event VALUES(9,1763900000000,'job','job-1763900000000-old7');
INSERT INTO event VALUES(10,1763900000000,'job','job-1763900000000-old7');
INSERT INTO event VALUES(11,1763900000000,'job','job-1763900000000-old9');
INSERT INTO event VALUES(12,1763900000000,'job','job-1763900000000-old9');
INSERT INTO event VALUES(13,1763900000000,'job','job-1763900000000-old9');
INSERT INTO event VALUES(14,1763900000000,'job','job-1763900000000-old11');
INSERT INTO event VALUES(15,1763900000000,'job','job-1763900000000-old11');
INSERT INTO event VALUES(16,1763900000000,'job','job-1763900000000-old11');
INSERT INTO event VALUES(17,1763900000000,'job','job-1763900000000-old11');
INSERT INTO event VALUES(18,1763900000000,'job','job-1763900000000-old13');
INSERT INTO event VALUES(19,1763900000000,'job','job-1763900000000-old16');
INSERT INTO event VALUES(20,1763900000000,'job','job-1763900000000-old16');
INSERT INTO event VALUES(21,1763900000000,'job','job-1763900000000-old16');
INSERT INTO event VALUES(22,1763900000000,'job','job-1763900000000-old18');
INSERT INTO event VALUES(23,1763900000000,'job','job-1763900000000-old18');
INSERT INTO event VALUES(24,1763900000000,'job','job-1763900000000-old18');
INSERT INTO event VALUES(25,1763900000000,'job','job-1763900000000-old20');
INSERT INTO event VALUES(26,1763900000000,'job','job-1763900000000-old20');
INSERT INTO event VALUES(27,1763900000000,'job','job-1763900000000-old20');
INSERT INTO event VALUES(28,1763900000000,'job','job-1763900000000-old13');
INSERT INTO event VALUES(29,1763900000000,'job','job-1763900000000-old20');
INSERT INTO event VALUES(30,1763900000000,'job','job-1763900000000-old20');
INSERT INTO event VALUES(31,1763900000000,'job','job-1763900000000-old16');
INSERT INTO event VALUES(32,1763900000000,'job','job-1763900000000-old20');
INSERT INTO event VALUES(33,1763900000000,'job','job-1763900000000-old21');
INSERT INTO event VALUES(34,1763900000000,'removed','job-1763900000000-old21');
INSERT INTO event VALUES(35,1763900000000,'job','job-1763900000000-t1');
INSERT INTO event VALUES(36,1763900000000,'job','job-1763900000000-t3');
INSERT INTO event VALUES(37,1763900000000,'job','job-1763900000000-t1');
INSERT INTO event VALUES(38,1763900000000,'job','job-1763900000000-t3');
INSERT INTO event VALUES(39,1763900000000,'job','job-1763900000000-t1');
INSERT INTO event VALUES(40,1763900000000,'job','job-1763900000000-t3');
INSERT INTO event VALUES(41,1763900000000,'removed','job-1763900000000-t1');
INSERT INTO event VALUES(42,1763900000000,'removed','job-1763900000000-t3');

-- Table  gone
CREATE TABLE gone (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO gone VALUES('job-1763900000000-old21',1763900000000);
INSERT INTO gone VALUES('job-1763900000000-t1',1763900000000);
INSERT INTO gone VALUES('job-1763900000000-t3',1763900000000);
-- Triggers and indices on  gone
CREATE INDEX gone_at ON gone (at);

-- Table  history
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
INSERT INTO history VALUES(1,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(1,2,1763900000000,'started',1,NULL,NULL,'w1');
INSERT INTO history VALUES(2,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(2,2,1763900000000,'started',1,NULL,NULL,'w1');
INSERT INTO history VALUES(2,3,1763900000000,'delayed',1,'timeout','Download timeout (30s)',NULL);
INSERT INTO history VALUES(3,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(3,2,1763900000000,'paused',1,NULL,NULL,NULL);
INSERT INTO history VALUES(4,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(4,2,1763900000000,'started',1,NULL,NULL,'w1');
INSERT INTO history VALUES(4,3,1763900000000,'completed',1,NULL,NULL,NULL);
INSERT INTO history VALUES(5,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(5,2,1763900000000,'started',1,NULL,NULL,'w1');
INSERT INTO history VALUES(5,3,1763900000000,'failed',1,'not_found','Track not found',NULL);
INSERT INTO history VALUES(6,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(6,2,1763900000000,'started',1,NULL,NULL,'w1');
INSERT INTO history VALUES(6,3,1763900000000,'cancel_requested',1,NULL,NULL,NULL);
INSERT INTO history VALUES(6,4,1763900000000,'cancelled',1,NULL,NULL,NULL);
INSERT INTO history VALUES(7,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(7,2,1763900000000,'started',1,NULL,NULL,'w3');
INSERT INTO history VALUES(8,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(8,2,1763900000000,'started',1,NULL,NULL,'w1');
INSERT INTO history VALUES(8,3,1763900000000,'resolved',1,NULL,'2 tracks',NULL);
INSERT INTO history VALUES(8,4,1763900000000,'delayed',1,'timeout','01 Title 1: Download timeout (30s)',NULL);
INSERT INTO history VALUES(11,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(11,2,1763900000000,'started',1,NULL,NULL,'w2');
INSERT INTO history VALUES(11,3,1763900000000,'pause_requested',1,NULL,NULL,NULL);
INSERT INTO history VALUES(12,1,1763900000000,'submitted',1,NULL,NULL,NULL);
INSERT INTO history VALUES(12,2,1763900000000,'started',1,NULL,NULL,'w1');
INSERT INTO history VALUES(12,3,1763900000000,'resolved',1,NULL,'3 tracks',NULL);
INSERT INTO history VALUES(12,4,1763900000000,'failed',1,'not_found','02 Title 2: Track not found',NULL);
INSERT INTO history VALUES(12,5,1763900000000,'completed',1,NULL,'1 of 3 tracks failed: 02 Title 2',NULL);

-- Table  lane
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
INSERT INTO lane VALUES('ann','resolve',1,0,0,1,2);
INSERT INTO lane VALUES('ann','track',8,0,0,3,2147483648);
INSERT INTO lane VALUES('bob','resolve',1,0,0,1,2);
INSERT INTO lane VALUES('cem','resolve',1,0,0,0,2);
INSERT INTO lane VALUES('cem','track',7,0,0,0,2147483648);
INSERT INTO lane VALUES('dan','track',7,0,0,0,2147483648);
INSERT INTO lane VALUES('zoe','track',9,0,0,0,2147483648);
-- Triggers and indices on  lane
CREATE INDEX lane_idle ON lane (kind, tag) WHERE entries = 0 AND held = 0;
CREATE INDEX lane_open ON lane (kind, tag, client, healthy) WHERE entries > 0 AND held < room;

-- Table  meta
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('anchor:boot','boot-1');
INSERT INTO meta VALUES('anchor:elapsed',18000000);
INSERT INTO meta VALUES('anchor:shift',0);
INSERT INTO meta VALUES('anchor:store',1763900000000);
INSERT INTO meta VALUES('anchor:wall',1763900000000);
INSERT INTO meta VALUES('control:max_concurrent',3);
INSERT INTO meta VALUES('instance','6cfc3987');
INSERT INTO meta VALUES('virtual:resolve',0);
INSERT INTO meta VALUES('virtual:track',8);

-- Table  orphanage
CREATE TABLE orphanage (
    album INTEGER PRIMARY KEY
, moved INTEGER NOT NULL DEFAULT 0) STRICT;

-- Table  rate
CREATE TABLE rate (
    number INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
-- Triggers and indices on  rate
CREATE INDEX rate_at ON rate (at);
CREATE INDEX rate_client ON rate (client, at);

-- Table  received
CREATE TABLE received (
    client TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    bytes  INTEGER NOT NULL CHECK (bytes > 0),
    PRIMARY KEY (client, bucket)
) STRICT, WITHOUT ROWID;
INSERT INTO received VALUES('ann',1959888,4000);
-- Triggers and indices on  received
CREATE INDEX received_bucket ON received (bucket);

-- Table  reservation
CREATE TABLE reservation (
    key  TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    task INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
INSERT INTO reservation VALUES('name job-1763900000000-old13','Name job-1763900000000-old13',7);
INSERT INTO reservation VALUES('name job-1763900000000-old16.1','Name job-1763900000000-old16.1',9);
INSERT INTO reservation VALUES('name job-1763900000000-old16.2','Name job-1763900000000-old16.2',10);
INSERT INTO reservation VALUES('name job-1763900000000-old20.1','Name job-1763900000000-old20.1',13);
INSERT INTO reservation VALUES('name job-1763900000000-old20.2','Name job-1763900000000-old20.2',14);
INSERT INTO reservation VALUES('name job-1763900000000-old20.3','Name job-1763900000000-old20.3',15);

-- Table  set_aside
CREATE TABLE set_aside (
    number INTEGER PRIMARY KEY,
    task   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body   TEXT NOT NULL
) STRICT;

-- Table  spent
CREATE TABLE spent (
    client  TEXT PRIMARY KEY,
    until   INTEGER NOT NULL,
    allowed INTEGER
) STRICT, WITHOUT ROWID;
-- Triggers and indices on  spent
CREATE INDEX spent_allowed ON spent (allowed) WHERE allowed IS NOT NULL;
CREATE INDEX spent_until ON spent (until);

-- Table  taken
CREATE TABLE taken (
    token TEXT PRIMARY KEY,
    task  TEXT NOT NULL,
    at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Triggers and indices on  taken
CREATE INDEX taken_at ON taken (at);

-- Table  task
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
                              WHEN outcome = 'partial' THEN 'partial' ELSE state END) VIRTUAL, unlisted INTEGER NOT NULL DEFAULT 0 CHECK (unlisted >= 0), resolve_retries INTEGER NOT NULL DEFAULT 0 CHECK (resolve_retries BETWEEN 0 AND retry_count), moving INTEGER NOT NULL DEFAULT 0 CHECK (moving = 0 OR (moving = 1 AND parent IS NULL)), received INTEGER NOT NULL DEFAULT 0 CHECK (received >= 0),

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
INSERT INTO task VALUES(1,'job-1763900000000-old1',NULL,NULL,'track','ann',2,'LOSSLESS',NULL,NULL,NULL,NULL,1,3,'active',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,NULL,1,'1:6ba69308e14c0ff0','w1',1763900060000,NULL,'w1',0,0,4000,8000,1,4000,0,0,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,2,0,0,0,4000);
INSERT INTO task VALUES(2,'job-1763900000000-old3',NULL,NULL,'track','ann',4,'LOSSLESS',NULL,NULL,NULL,NULL,1,3,'delayed',NULL,1763900005000,NULL,0,1763900000000,1763900000000,1763900000000,NULL,1,NULL,NULL,NULL,'1:12d9d24eae720d6d','w1',0,0,0,NULL,0,0,0,0,0,1,0,NULL,'Download timeout (30s)',NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,3,0,0,0,0);
INSERT INTO task VALUES(3,'job-1763900000000-old5',NULL,NULL,'track','ann',6,'LOSSLESS',NULL,NULL,NULL,NULL,1,3,'paused','ready',NULL,NULL,0,1763900000000,1763900000000,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,2,0,0,0,0);
INSERT INTO task VALUES(4,'job-1763900000000-old7',NULL,NULL,'track','ann',8,'LOSSLESS',NULL,NULL,NULL,NULL,1,3,'completed',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,1763900000000,1,NULL,NULL,NULL,'1:fc1b325ddef49c9b',NULL,0,0,8000000,8000000,0,0,0,0,0,0,0,NULL,NULL,NULL,'{"path":"Artist/Album/01 Title.flac","size":8000000,"inode":4711}','["Artist/Album/01 Title.flac"]',NULL,1,8000000,900,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,3,0,0,0,0);
INSERT INTO task VALUES(5,'job-1763900000000-old9',NULL,NULL,'track','ann',10,'LOSSLESS',NULL,NULL,NULL,NULL,1,3,'failed',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,1763900000000,1,NULL,NULL,NULL,'1:372a2f29bb5f7801',NULL,0,0,0,NULL,0,0,0,0,0,0,0,'Track not found','Track not found','not_found',NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,3,0,0,0,0);
INSERT INTO task VALUES(6,'job-1763900000000-old11',NULL,NULL,'track','ann',12,'LOSSLESS',NULL,NULL,NULL,NULL,1,3,'cancelled',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,1763900000000,1,NULL,NULL,NULL,'1:ab28cf5f6eca8b6c',NULL,0,0,0,NULL,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,4,0,0,0,0);
INSERT INTO task VALUES(7,'job-1763900000000-old13',NULL,NULL,'track','ann',14,'LOSSLESS',NULL,NULL,NULL,NULL,1,3,'active',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,NULL,1,'1:1d0e6a2dd128a0f8','w3',1763900060000,NULL,'w3',0,0,0,NULL,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,2,0,0,0,0);
INSERT INTO task VALUES(8,'job-1763900000000-old16',NULL,NULL,'album','ann',15,'LOSSLESS',NULL,'The Album','The Artist',NULL,1,3,'waiting',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,NULL,1,NULL,NULL,NULL,'1:02455f361ccd1a52',NULL,0,0,0,NULL,0,0,0,0,0,1,0,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,'{"id":15,"title":"The Album","artist":"The Artist","album_artist":null,"year":1971,"disc_count":null,"cover_url":null,"track_count":2}',NULL,2,2,0,0,0,0,0,NULL,NULL,4,0,0,0,0);
INSERT INTO task VALUES(9,'job-1763900000000-old16.1',8,1,'track','ann',10001,'LOSSLESS','Title 1','The Album','The Artist',1,1,3,'delayed',NULL,1763900005000,NULL,0,1763900000000,1763900000000,1763900000000,NULL,1,NULL,NULL,NULL,'1:da30e4456ae6a9f3','w3',0,0,0,NULL,0,0,0,0,0,1,0,NULL,'Download timeout (30s)',NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,0,0,0,0,0);
INSERT INTO task VALUES(10,'job-1763900000000-old16.2',8,2,'track','ann',10002,'LOSSLESS','Title 2','The Album','The Artist',2,1,3,'active',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,NULL,1,'1:99c69161f4136ac9','w3',1763900060000,NULL,'w3',0,0,0,NULL,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,0,0,0,0,0);
INSERT INTO task VALUES(11,'job-1763900000000-old18',NULL,NULL,'album','bob',17,'LOSSLESS',NULL,NULL,NULL,NULL,1,3,'active',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,NULL,1,'1:ad6258f17c998a82','w2',1763900060000,NULL,NULL,0,1,0,NULL,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,3,0,0,0,0);
INSERT INTO task VALUES(12,'job-1763900000000-old20',NULL,NULL,'album','cem',19,'LOSSLESS',NULL,'The Album','The Artist',NULL,1,3,'completed',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,1763900000000,1,NULL,NULL,NULL,'1:7d84208babf6d33b',NULL,0,0,0,NULL,0,0,0,0,0,0,0,'1 of 3 tracks failed: 02 Title 2','1 of 3 tracks failed: 02 Title 2',NULL,NULL,NULL,NULL,2,16000000,1800,'{"id":19,"title":"The Album","artist":"The Artist","album_artist":null,"year":1971,"disc_count":null,"cover_url":null,"track_count":3}','partial',3,3,0,0,2,1,0,NULL,NULL,5,0,0,0,0);
INSERT INTO task VALUES(13,'job-1763900000000-old20.1',12,1,'track','cem',10001,'LOSSLESS','Title 1','The Album','The Artist',1,1,3,'completed',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,1763900000000,1,NULL,NULL,NULL,'1:0db877ef930e273d',NULL,0,0,8000000,8000000,0,0,0,0,0,0,0,NULL,NULL,NULL,'{"path":"Artist/Album/01 Title.flac","size":8000000,"inode":4711}','["Artist/Album/01 Title.flac"]',NULL,1,8000000,900,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,0,0,0,0,0);
INSERT INTO task VALUES(14,'job-1763900000000-old20.2',12,2,'track','cem',10002,'LOSSLESS','Title 2','The Album','The Artist',2,1,3,'failed',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,1763900000000,1,NULL,NULL,NULL,'1:02f48ca9a300cfb9',NULL,0,0,0,NULL,0,0,0,0,0,0,0,'Track not found','Track not found','not_found',NULL,NULL,NULL,0,0,0,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,0,0,0,0,0);
INSERT INTO task VALUES(15,'job-1763900000000-old20.3',12,3,'track','cem',10003,'LOSSLESS','Title 3','The Album','The Artist',3,1,3,'completed',NULL,NULL,NULL,0,1763900000000,1763900000000,1763900000000,1763900000000,1,NULL,NULL,NULL,'1:f700ae6bc4a22779',NULL,0,0,8000000,8000000,0,0,0,0,0,0,0,NULL,NULL,NULL,'{"path":"Artist/Album/01 Title.flac","size":8000000,"inode":4711}','["Artist/Album/01 Title.flac"]',NULL,1,8000000,900,NULL,NULL,0,0,0,0,0,0,0,NULL,NULL,0,0,0,0,0);
-- Triggers and indices on  task
CREATE INDEX job_created ON task (seq) WHERE parent IS NULL;
CREATE INDEX job_paused ON task (seq) WHERE parent IS NULL AND state = 'paused';
CREATE INDEX job_processing ON task (started_at, seq) WHERE parent IS NULL AND state IN ('active', 'waiting');
CREATE INDEX job_queued ON task (priority, seq) WHERE parent IS NULL AND state IN ('ready', 'delayed');
CREATE INDEX job_same ON task (client, type, catalog_id, quality, seq) WHERE parent IS NULL AND finished_at IS NULL;
CREATE INDEX job_shelf ON task (shelf, finished_at, seq) WHERE shelf IS NOT NULL;
CREATE INDEX job_unfinished ON task (seq) WHERE parent IS NULL AND finished_at IS NULL;
CREATE INDEX task_chore ON task (seq) WHERE chore IS NOT NULL;
CREATE INDEX task_due ON task (due_at, seq) WHERE state = 'delayed';
CREATE INDEX task_entry ON task (lane, client, priority, type DESC, seq) WHERE lane IS NOT NULL;
CREATE INDEX task_filed ON task (CASE WHEN json_valid(publication) THEN publication ->> '$.path' END)
    WHERE publication IS NOT NULL;
CREATE INDEX task_holder ON task (worker, seq) WHERE state = 'active';
CREATE INDEX task_lease ON task (lease_until, seq) WHERE state = 'active';
CREATE INDEX task_moving ON task (id) WHERE moving = 1;
CREATE INDEX task_suspect ON task (seq) WHERE state = 'active' AND stalls >= 2;
CREATE UNIQUE INDEX task_token ON task (token) WHERE token IS NOT NULL;
CREATE UNIQUE INDEX task_track ON task (parent, position) WHERE parent IS NOT NULL;
CREATE INDEX task_track_open ON task (parent, position) WHERE parent IS NOT NULL AND state <> 'completed';
CREATE INDEX task_track_state ON task (parent, state, position) WHERE parent IS NOT NULL;

-- Table  tombstone
CREATE TABLE tombstone (
    id     TEXT PRIMARY KEY,
    until  INTEGER NOT NULL,
    record TEXT NOT NULL                           -- JSON, model.JobRecord
) STRICT, WITHOUT ROWID;
INSERT INTO tombstone VALUES('job-1763900000000-t1',1763986400000,'{"id":"job-1763900000000-t1","spec":{"type":"track","catalog_id":2,"quality":"LOSSLESS","track_title":null,"album_title":null,"artist_name":null},"client":"zoe","state":"cancelled","priority":"high","created_at":1763900000000,"updated_at":1763900000000,"max_retries":3,"retry_count":0,"started_at":1763900000000,"completed_at":1763900000000,"next_retry_at":null,"error":null,"last_error":null,"failure_code":null,"cancel_requested":false,"pause_requested":false,"bytes_downloaded":0,"bytes_total":null,"speed":null,"download_ms":null,"size":null,"files":[],"file_count":0,"warnings":[],"progress":0.0,"track_count":0,"completed_tracks":0,"failed_count":0,"outcome":null,"failed_tracks":[],"track_progress":[],"history":[{"at":1763900000000,"event":"submitted","attempt":null,"code":null,"message":null,"worker":null},{"at":1763900000000,"event":"started","attempt":1,"code":null,"message":null,"worker":"w8"},{"at":1763900000000,"event":"cancelled","attempt":1,"code":null,"message":null,"worker":null},{"at":1763900000000,"event":"deleted","attempt":null,"code":null,"message":null,"worker":null}]}');
INSERT INTO tombstone VALUES('job-1763900000000-t3',1763986400000,'{"id":"job-1763900000000-t3","spec":{"type":"track","catalog_id":4,"quality":"LOSSLESS","track_title":null,"album_title":null,"artist_name":null},"client":"zoe","state":"cancelled","priority":"high","created_at":1763900000000,"updated_at":1763900000000,"max_retries":3,"retry_count":0,"started_at":1763900000000,"completed_at":1763900000000,"next_retry_at":null,"error":null,"last_error":null,"failure_code":null,"cancel_requested":false,"pause_requested":false,"bytes_downloaded":0,"bytes_total":null,"speed":null,"download_ms":null,"size":null,"files":[],"file_count":0,"warnings":[],"progress":0.0,"track_count":0,"completed_tracks":0,"failed_count":0,"outcome":null,"failed_tracks":[],"track_progress":[],"history":[{"at":1763900000000,"event":"submitted","attempt":null,"code":null,"message":null,"worker":null},{"at":1763900000000,"event":"started","attempt":1,"code":null,"message":null,"worker":"w8"},{"at":1763900000000,"event":"cancelled","attempt":1,"code":null,"message":null,"worker":null},{"at":1763900000000,"event":"deleted","attempt":null,"code":null,"message":null,"worker":null}]}');
-- Triggers and indices on  tombstone
CREATE INDEX tombstone_until ON tombstone (until);

-- Table  worker
CREATE TABLE worker (
    id             TEXT PRIMARY KEY,
    host           TEXT NOT NULL,
    started_at     INTEGER NOT NULL,
    last_heartbeat INTEGER NOT NULL,
    max_concurrent INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO worker VALUES('w3','den',1763900000000,1763900000000,4);
-- Triggers and indices on  worker
CREATE INDEX worker_heartbeat ON worker (last_heartbeat);

-- For primary key autoincrements the next id to use is stored in
-- sqlite_sequence
DELETE FROM main.sqlite_sequence WHERE name='event';
INSERT INTO main.sqlite_sequence VALUES ('event', 42);
DELETE FROM main.sqlite_sequence WHERE name='task';
INSERT INTO main.sqlite_sequence VALUES ('task', 18);

-- Database header
pragma user_version=5;
pragma application_id=1416588901;

COMMIT TRANSACTION;
