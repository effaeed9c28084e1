-- Says that nobody is to do a job that waits, or that is dead. No row: it is in another state.
-- $2 id uuid = {jobs.id}
update tenant.jobs
set state = 'discarded', finished_at = coalesce(finished_at, now())
where tenant_id = $1 and id = $2 and state in ('waiting', 'dead')
returning id
