-- Times are UTC seconds since the epoch, costs are ticks (10^10 per US dollar).

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    manifest   TEXT NOT NULL,
    version    TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at   REAL,
    exit_code  INTEGER
) STRICT;

-- What the manifest asks for now. A row whose run_id is not the newest is orphaned: kept, not wanted.
CREATE TABLE jobs (
    key         TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    position    INTEGER NOT NULL,
    run_id      INTEGER NOT NULL REFERENCES runs (id),
    parent_key  TEXT,
    clip_take   INTEGER REFERENCES takes (id) -- whose clip bears the job's name in clips/
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_by_position ON jobs (run_id, position);
CREATE INDEX jobs_by_parent ON jobs (parent_key) WHERE parent_key IS NOT NULL;

CREATE TABLE takes (
    id          INTEGER PRIMARY KEY,
    job_key     TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    number      INTEGER NOT NULL,
    state       TEXT NOT NULL,
    spec        TEXT NOT NULL, -- the job as JSON, as it is or was sent
    provider    TEXT NOT NULL,
    origin      TEXT,
    credential  TEXT NOT NULL DEFAULT 'default',
    remote_id   TEXT,
    intent_at   REAL,
    accepted_at REAL,
    ready_at    REAL,
    ended_at    REAL,
    url         TEXT,
    url_at      REAL,
    validator   TEXT,
    cost_ticks  INTEGER,
    reason      TEXT,
    sha256      TEXT,
    size_bytes  INTEGER,
    UNIQUE (job_key, fingerprint, number)
) STRICT;

CREATE INDEX takes_by_state ON takes (state);

-- How often which kind of call got which answer, per minute.
CREATE TABLE calls (
    run_id  INTEGER NOT NULL REFERENCES runs (id),
    minute  INTEGER NOT NULL, -- minutes since the epoch
    kind    TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (run_id, minute, kind, outcome)
) STRICT, WITHOUT ROWID;
