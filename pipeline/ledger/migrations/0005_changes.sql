-- Jobs that got another key (`nightreel mv`). Until it is done, files may still bear the old one.
CREATE TABLE renames (
    id   INTEGER PRIMARY KEY,
    old  TEXT NOT NULL,
    new  TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Whose clip a take took over (`run --reuse`): batch and label. It cost nothing here, whatever is told of it.
ALTER TABLE takes ADD COLUMN reused_from TEXT;

-- What asks for the same under another key.
CREATE INDEX takes_by_fingerprint ON takes (fingerprint);
