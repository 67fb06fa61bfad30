-- What a take costs, and what it counts against a budget (pipeline/money.py). Costs are ticks.
ALTER TABLE takes ADD COLUMN estimate_ticks INTEGER;
ALTER TABLE takes ADD COLUMN own_price INTEGER NOT NULL DEFAULT 0;
ALTER TABLE takes ADD COLUMN reserved_ticks INTEGER;
ALTER TABLE takes ADD COLUMN spent_ticks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE takes ADD COLUMN made_by INTEGER NOT NULL DEFAULT 0; -- the run that planned it
ALTER TABLE takes ADD COLUMN sent_by INTEGER NOT NULL DEFAULT 0; -- the run that sent it last; 0: not known
ALTER TABLE runs ADD COLUMN remake INTEGER NOT NULL DEFAULT 0; -- a person agreed to make finished jobs anew

-- The sums of spent_ticks, kept by the triggers, so that a budget is checked in the transaction of each intent.
CREATE TABLE spending (
    run_id INTEGER NOT NULL,
    month  TEXT NOT NULL, -- of the intent, in UTC
    ticks  INTEGER NOT NULL,
    PRIMARY KEY (run_id, month)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER take_spent AFTER UPDATE OF spent_ticks, sent_by, intent_at ON takes
WHEN OLD.spent_ticks <> 0 OR NEW.spent_ticks <> 0
BEGIN
    INSERT INTO spending (run_id, month, ticks)
    VALUES (OLD.sent_by, strftime('%Y-%m', COALESCE(OLD.intent_at, 0), 'unixepoch'), -OLD.spent_ticks)
    ON CONFLICT (run_id, month) DO UPDATE SET ticks = ticks + excluded.ticks;
    INSERT INTO spending (run_id, month, ticks)
    VALUES (NEW.sent_by, strftime('%Y-%m', COALESCE(NEW.intent_at, 0), 'unixepoch'), NEW.spent_ticks)
    ON CONFLICT (run_id, month) DO UPDATE SET ticks = ticks + excluded.ticks;
END;

CREATE TRIGGER take_restored AFTER INSERT ON takes
WHEN NEW.spent_ticks <> 0
BEGIN
    INSERT INTO spending (run_id, month, ticks)
    VALUES (NEW.sent_by, strftime('%Y-%m', COALESCE(NEW.intent_at, 0), 'unixepoch'), NEW.spent_ticks)
    ON CONFLICT (run_id, month) DO UPDATE SET ticks = ticks + excluded.ticks;
END;

UPDATE takes SET spent_ticks = cost_ticks WHERE cost_ticks IS NOT NULL AND cost_ticks <> 0;

-- A one-way check of the key that takes were sent with, by gateway: shows a change, and gives nothing away.
CREATE TABLE key_checks (
    origin TEXT PRIMARY KEY,
    salt   TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
