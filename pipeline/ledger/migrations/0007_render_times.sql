-- How long clips of a kind took (polling/render_times.py): ready after the first age and by the second, in
-- seconds since acceptance, as our polls saw it. Of each kind the last ones are kept.
CREATE TABLE render_times (
    id        INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL,
    unready_s REAL NOT NULL,
    ready_s   REAL NOT NULL
) STRICT;

CREATE INDEX render_times_by_kind ON render_times (kind);
