-- Cancels a job that waits; asks whoever runs it to stop. No row: it has ended.
-- $2 id uuid = {jobs.id}
update tenant.jobs
set state = case state when 'waiting' then 'cancelled' else state end, finished_at = case state when 'waiting' then now() end,
    cancelling = state = 'running'
where tenant_id = $1 and id = $2 and state in ('waiting', 'running')
returning id
