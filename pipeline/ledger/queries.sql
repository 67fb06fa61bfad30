-- Fragments first: {take} is what rows.take_of reads, {wanted} says that take t is what job j asks for.

-- name: take
t.id, t.fingerprint, t.number, t.state, t.provider,
t.origin, t.credential, t.remote_id, t.intent_at, t.accepted_at, t.ready_at, t.ended_at,
t.url, t.url_at, t.validator, t.reserved_ticks, t.cost_ticks, t.reported_s, t.reason, t.sha256, t.size_bytes,
t.loading_at, t.probe, t.estimate_ticks, t.own_price, t.replaced, t.reused_from, t.spec, (j.key IS NOT NULL AND j.run_id = (SELECT max(id) FROM runs) AND {wanted}), COALESCE(j.selected, 1)

-- name: wanted
t.fingerprint = j.fingerprint AND t.number = (
    SELECT max(number) FROM takes WHERE job_key = j.key AND fingerprint = j.fingerprint
)

-- name: begin_run
INSERT INTO runs (manifest, version, started_at, remake, budget_ticks, run_budget_ticks)
VALUES (:manifest, :version, :now, :remake, :budget_ticks, :run_budget_ticks)
RETURNING id;

-- name: carry_jobs
UPDATE jobs SET run_id = :run_id WHERE run_id = (SELECT max(run_id) FROM jobs);

-- name: last_manifest
SELECT manifest FROM runs ORDER BY id DESC LIMIT 1;

-- name: calls
SELECT minute, kind, outcome, sum(count) FROM calls GROUP BY minute, kind, outcome ORDER BY minute;

-- name: end_run
UPDATE runs SET ended_at = :now, exit_code = :exit_code, reason = :reason, clips = :clips WHERE id = :run_id;

-- name: runs
SELECT
    r.id, r.manifest, r.version, r.started_at, r.ended_at, r.exit_code, r.reason, r.clips,
    (SELECT COALESCE(sum(s.ticks), 0) FROM spending s WHERE s.run_id = r.id),
    r.budget_ticks, r.run_budget_ticks
FROM (SELECT * FROM runs ORDER BY id DESC LIMIT :last) r ORDER BY r.id;

-- name: recover_submitting
UPDATE takes
SET state = 'unknown', ended_at = :now, reason = 'the run was stopped before the answer was on record'
WHERE state = 'submitting'
RETURNING id;

-- name: recover_unsent
UPDATE takes SET state = 'planned', reason = NULL, ended_at = NULL WHERE state IN ('held', 'blocked');

-- name: plan_job
INSERT INTO jobs (key, fingerprint, position, feed_order, run_id, parent_key, selected)
VALUES (:key, :fingerprint, :position, :feed_order, :run_id, :parent_key, :selected)
ON CONFLICT (key) DO UPDATE SET
    fingerprint = excluded.fingerprint,
    position = excluded.position,
    feed_order = excluded.feed_order,
    run_id = excluded.run_id,
    parent_key = excluded.parent_key,
    selected = excluded.selected;

-- name: plan_known
SELECT j.key, j.fingerprint, j.position, j.feed_order, j.parent_key, j.selected, (
    SELECT t.state FROM takes t WHERE t.job_key = j.key AND t.fingerprint = j.fingerprint
    ORDER BY t.number DESC LIMIT 1
)
FROM jobs j WHERE j.key IN (SELECT value FROM json_each(:keys));

-- name: plan_unchanged
UPDATE jobs SET run_id = :run_id WHERE key IN (SELECT value FROM json_each(:keys));

-- name: any_planned
SELECT EXISTS (SELECT 1 FROM takes WHERE state = 'planned');

-- name: plan_take
INSERT INTO takes (job_key, fingerprint, number, state, spec, provider, estimate_ticks, own_price, made_by)
VALUES (
    :key,
    :fingerprint,
    COALESCE((SELECT max(number) FROM takes WHERE job_key = :key AND fingerprint = :fingerprint), 1),
    'planned', :spec, :provider, :estimate_ticks, :own_price, :run_id
)
ON CONFLICT (job_key, fingerprint, number) DO UPDATE SET
    spec = excluded.spec, estimate_ticks = excluded.estimate_ticks, own_price = excluded.own_price
WHERE state = 'planned';

-- name: replace_unknown
UPDATE takes SET replaced = 1
WHERE job_key = :key AND fingerprint = :fingerprint AND state = 'unknown'
    AND number = (SELECT max(number) FROM takes WHERE job_key = :key AND fingerprint = :fingerprint);

-- name: take_again
INSERT INTO takes (job_key, fingerprint, number, state, spec, provider, estimate_ticks, own_price, made_by)
SELECT job_key, fingerprint, number + 1, 'planned', :spec, :provider, :estimate_ticks, :own_price, :run_id FROM takes
WHERE job_key = :key AND fingerprint = :fingerprint AND state IN (SELECT value FROM json_each(:again))
    AND number = (SELECT max(number) FROM takes WHERE job_key = :key AND fingerprint = :fingerprint)
RETURNING id;

-- name: origins
SELECT DISTINCT origin FROM takes WHERE origin IS NOT NULL;

-- name: update_take
UPDATE takes
SET state = :state, origin = :origin, credential = :credential, remote_id = :remote_id,
    intent_at = :intent_at, accepted_at = :accepted_at, ready_at = :ready_at, ended_at = :ended_at,
    url = :url, url_at = :url_at, validator = :validator, reserved_ticks = :reserved_ticks,
    cost_ticks = :cost_ticks, spent_ticks = :spent_ticks, reported_s = :reported_s, reason = :reason,
    sha256 = :sha256, size_bytes = :size_bytes, loading_at = :loading_at, probe = :probe
WHERE id = :id AND state = :before
RETURNING id;

-- name: send
UPDATE takes SET sent_by = :run_id WHERE id = :id;

-- name: spent
SELECT COALESCE(sum(ticks), 0), COALESCE(sum(ticks) FILTER (WHERE run_id = :run_id), 0) FROM spending;

-- name: spent_by_month
SELECT month, sum(ticks) FROM spending GROUP BY month;

-- name: resubmitted
SELECT COALESCE(sum(n.estimate_ticks), 0) FROM takes o
JOIN takes n ON n.job_key = o.job_key AND n.fingerprint = o.fingerprint AND n.number = o.number + 1
WHERE o.replaced;

-- name: newest
SELECT state FROM takes WHERE job_key = :key AND fingerprint = :fingerprint ORDER BY number DESC LIMIT 1;

-- name: outlay
SELECT
    count(*), COALESCE(sum(t.estimate_ticks), 0), count(*) FILTER (WHERE t.estimate_ticks IS NULL),
    min(j.key) FILTER (WHERE t.estimate_ticks IS NULL),
    count(*) FILTER (
        WHERE t.number = 1 AND t.made_by > (SELECT COALESCE(max(id), -1) FROM runs WHERE remake)
            AND EXISTS (
                SELECT 1 FROM takes o WHERE o.job_key = j.key AND o.fingerprint <> t.fingerprint
                    AND o.state IN ('done', 'missing')
            )
    )
FROM jobs j JOIN takes t ON t.job_key = j.key
WHERE {wanted} AND j.run_id = :run_id AND t.state = 'planned' AND j.selected;

-- name: hold
UPDATE takes SET state = 'held', reason = :reason, ended_at = :now
WHERE state = 'planned' AND id IN (
    SELECT t.id FROM jobs j JOIN takes t ON t.job_key = j.key
    WHERE {wanted} AND j.run_id = :run_id AND t.state = 'planned' AND j.selected
)
RETURNING id;

-- name: charges
SELECT
    COALESCE(sum(spent_ticks), 0),
    COALESCE(sum(spent_ticks) FILTER (
        WHERE state IN ('done', 'missing', 'rejected') OR (cost_ticks IS NOT NULL AND NOT own_price)
    ), 0)
FROM takes WHERE spent_ticks <> 0;

-- name: key_check
SELECT salt, digest FROM key_checks WHERE origin = :origin;

-- name: set_key_check
INSERT INTO key_checks (origin, salt, digest) VALUES (:origin, :salt, :digest)
ON CONFLICT (origin) DO UPDATE SET salt = excluded.salt, digest = excluded.digest;

-- name: set_clip
UPDATE jobs SET clip_take = :take_id WHERE key = :key;

-- name: count_call
INSERT INTO calls (run_id, minute, kind, outcome, count)
VALUES (:run_id, :minute, :kind, :outcome, :count)
ON CONFLICT (run_id, minute, kind, outcome) DO UPDATE SET count = count + excluded.count;

-- name: add_render_time
INSERT INTO render_times (kind, unready_s, ready_s) VALUES (:kind, :unready_s, :ready_s);

-- name: drop_render_times
DELETE FROM render_times WHERE kind = :kind
    AND id <= (SELECT id FROM render_times WHERE kind = :kind ORDER BY id DESC LIMIT 1 OFFSET :keep);

-- name: render_times
SELECT kind, unready_s, ready_s FROM render_times ORDER BY id;

-- name: in_flight
SELECT id, COALESCE(accepted_at, intent_at) FROM takes
WHERE (state = 'accepted' AND accepted_at > :since)
    OR (state IN ('submitting', 'unknown') AND intent_at > :since);

-- name: counts
SELECT t.state, count(*) FROM jobs j
JOIN takes t ON t.job_key = j.key
WHERE {wanted} AND j.run_id = (SELECT max(id) FROM runs) AND j.selected
GROUP BY t.state;

-- name: collectable
SELECT {take} FROM takes t LEFT JOIN jobs j ON j.key = t.job_key
WHERE t.state = :state AND t.id > :after
ORDER BY t.id LIMIT :limit;

-- name: planned
SELECT {take}, j.feed_order FROM jobs j JOIN takes t ON t.job_key = j.key
WHERE {wanted} AND j.run_id = :run_id AND j.feed_order > :after AND t.state = 'planned'
    AND j.selected
ORDER BY j.feed_order LIMIT :limit;

-- name: placed
SELECT t.id, j.key, t.state, t.size_bytes, j.clip_take, j.position FROM jobs j JOIN takes t ON t.job_key = j.key
WHERE {wanted} AND j.run_id = :run_id AND j.position > :after AND t.state IN ('done', 'missing')
ORDER BY j.position LIMIT :limit;

-- name: children
SELECT {take} FROM jobs j JOIN takes t ON t.job_key = j.key
WHERE {wanted} AND j.run_id = (SELECT max(id) FROM runs) AND j.parent_key = :key AND t.state = 'planned'
    AND j.selected
ORDER BY j.feed_order;

-- name: wanted_take
SELECT {take} FROM jobs j JOIN takes t ON t.job_key = j.key WHERE {wanted} AND j.key = :key;

-- name: takes_of
SELECT {take} FROM takes t LEFT JOIN jobs j ON j.key = t.job_key
WHERE t.job_key = :key ORDER BY t.id;

-- name: standings
SELECT t.id, t.job_key, t.fingerprint, t.number, t.state, t.reason, COALESCE(j.clip_take, t.id) = t.id
FROM takes t LEFT JOIN jobs j ON j.key = t.job_key
WHERE t.job_key IN (SELECT value FROM json_each(:keys)) ORDER BY t.id;

-- name: takes_by_id
SELECT {take} FROM takes t LEFT JOIN jobs j ON j.key = t.job_key
WHERE t.id IN (SELECT value FROM json_each(:ids)) ORDER BY t.id;

-- name: manifest_takes
SELECT {take}, j.position FROM jobs j JOIN takes t ON t.job_key = j.key
WHERE j.run_id = (SELECT max(id) FROM runs) AND j.position >= :after
    AND (j.position > :after OR t.id > :after_id)
ORDER BY j.position, t.id LIMIT :limit;

-- name: orphaned_takes
SELECT {take} FROM takes t LEFT JOIN jobs j ON j.key = t.job_key
WHERE t.id > :after AND (j.key IS NULL OR j.run_id <> (SELECT max(id) FROM runs))
ORDER BY t.id LIMIT :limit;

-- name: count_jobs
SELECT count(DISTINCT job_key) FROM takes;

-- name: kept
SELECT id, job_key, fingerprint FROM takes
WHERE id > :after AND state IN ('accepted', 'ready', 'done', 'missing') ORDER BY id LIMIT :limit;

-- name: renamed_since
SELECT o.key, j.key FROM jobs o
JOIN takes c ON c.job_key = o.key AND c.state IN ('accepted', 'ready', 'done', 'missing')
JOIN takes t ON t.fingerprint = c.fingerprint AND t.state = 'planned' AND t.number = 1
JOIN jobs j ON j.key = t.job_key AND j.fingerprint = t.fingerprint
WHERE o.run_id < :run_id AND j.run_id = :run_id AND j.selected
    AND NOT EXISTS (
        SELECT 1 FROM takes s WHERE s.job_key = j.key AND s.state NOT IN ('planned', 'held', 'blocked')
    )
ORDER BY o.run_id DESC, o.position LIMIT 1;

-- name: open_among
SELECT DISTINCT t.fingerprint FROM takes t JOIN jobs j ON j.key = t.job_key
WHERE t.fingerprint IN (SELECT value FROM json_each(:fingerprints))
    AND {wanted} AND t.number = 1 AND t.state = 'planned' AND j.run_id = :run_id AND j.selected;

-- name: open_take
SELECT {take} FROM takes t JOIN jobs j ON j.key = t.job_key
WHERE t.fingerprint = :fingerprint
    AND {wanted} AND t.number = 1 AND t.state = 'planned' AND j.run_id = :run_id AND j.selected
ORDER BY j.position LIMIT 1;

-- name: has_film
SELECT 1 FROM takes WHERE fingerprint = :fingerprint AND sha256 = :sha256 LIMIT 1;

-- name: take_over
UPDATE takes
SET state = 'ready', origin = :origin, credential = :credential, remote_id = :remote_id, ready_at = :ready_at,
    sha256 = :sha256, size_bytes = :size_bytes, reported_s = :reported_s, reused_from = :reused_from,
    estimate_ticks = 0, own_price = 0, reserved_ticks = 0, cost_ticks = 0, spent_ticks = 0, reason = NULL
WHERE id = :id AND state = 'planned'
RETURNING id;

-- name: job_keys
SELECT DISTINCT job_key FROM takes WHERE job_key > :after ORDER BY job_key LIMIT :limit;

-- name: drop_unsent
DELETE FROM takes WHERE job_key = :new AND state IN ('planned', 'held', 'blocked');

-- name: rename_takes
UPDATE takes SET job_key = :new, spec = json_set(spec, '$.key', :new) WHERE job_key = :old RETURNING id;

-- name: rename_clip
UPDATE jobs SET clip_take = (SELECT clip_take FROM jobs WHERE key = :old) WHERE key = :new;

-- name: rename_job
UPDATE OR IGNORE jobs SET key = :new WHERE key = :old;

-- name: drop_job
DELETE FROM jobs WHERE key = :old;

-- name: rename_parent
UPDATE jobs SET parent_key = :new WHERE parent_key = :old;

-- name: begin_rename
INSERT INTO renames (old, new) VALUES (:old, :new);

-- name: renames
SELECT id, old, new, done FROM renames WHERE NOT done OR :all ORDER BY id;

-- name: end_rename
UPDATE renames SET done = 1 WHERE id = :id;

-- name: last_run
SELECT COALESCE(max(id), 0) FROM runs;

-- name: restore_take
INSERT INTO takes (
    job_key, fingerprint, number, state, spec, provider, origin, credential, remote_id, intent_at, accepted_at,
    ready_at, ended_at, url, url_at, validator, estimate_ticks, own_price, reserved_ticks, cost_ticks, spent_ticks,
    reported_s, reason, sha256, size_bytes, loading_at, probe, replaced, reused_from
) VALUES (
    :key, :fingerprint, :number, :state, :spec, :provider, :origin, :credential, :remote_id, :intent_at,
    :accepted_at, :ready_at, :ended_at, :url, :url_at, :validator, :estimate_ticks, :own_price, :reserved_ticks,
    :cost_ticks, :spent_ticks, :reported_s, :reason, :sha256, :size_bytes, :loading_at, :probe, :replaced, :reused_from
)
ON CONFLICT (job_key, fingerprint, number) DO UPDATE SET
    state = excluded.state, origin = excluded.origin, credential = excluded.credential,
    remote_id = excluded.remote_id, intent_at = excluded.intent_at, accepted_at = excluded.accepted_at,
    ready_at = excluded.ready_at, ended_at = excluded.ended_at, url = excluded.url, url_at = excluded.url_at,
    validator = excluded.validator, estimate_ticks = excluded.estimate_ticks, own_price = excluded.own_price,
    reserved_ticks = excluded.reserved_ticks, cost_ticks = excluded.cost_ticks,
    spent_ticks = excluded.spent_ticks, reported_s = excluded.reported_s,
    reason = excluded.reason, sha256 = excluded.sha256, size_bytes = excluded.size_bytes,
    loading_at = excluded.loading_at, probe = excluded.probe,
    replaced = excluded.replaced, reused_from = excluded.reused_from;
