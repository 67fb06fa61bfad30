-- An unknown take that a person had sent again: it may be running still, but nobody waits for it.
ALTER TABLE takes ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;
