-- What a run may send (--only, --tag, --limit), and how long a clip is in the gateway's words.
ALTER TABLE jobs ADD COLUMN selected INTEGER NOT NULL DEFAULT 1;
ALTER TABLE takes ADD COLUMN reported_s REAL;
