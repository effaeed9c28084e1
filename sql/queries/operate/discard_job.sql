-- Says that nobody is to do a job that waits, or that is dead. No row: it is in another state.
update tenant.jobs
set state = 'discarded', finished_at = coalesce(finished_at, now())
where id = $1 and state in ('waiting', 'dead')
returning id
