-- What the report shows: when a clip began to be loaded, what a look at it found (model.Probe as JSON), and
-- the caps that a run kept to, in ticks.
ALTER TABLE takes ADD COLUMN loading_at REAL;
ALTER TABLE takes ADD COLUMN probe TEXT;
ALTER TABLE runs ADD COLUMN budget_ticks INTEGER;
ALTER TABLE runs ADD COLUMN run_budget_ticks INTEGER;
