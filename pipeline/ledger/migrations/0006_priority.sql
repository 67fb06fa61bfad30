-- The order in which jobs are sent: by priority, then by position in the manifest.
ALTER TABLE jobs ADD COLUMN feed_order INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_by_feed_order ON jobs (run_id, feed_order);
