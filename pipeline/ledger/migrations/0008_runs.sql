-- What a run came to: why it stopped with jobs left, and how many clips it brought home.
ALTER TABLE runs ADD COLUMN reason TEXT;
ALTER TABLE runs ADD COLUMN clips INTEGER;
