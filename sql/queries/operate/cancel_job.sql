-- Cancels a job that waits; asks whoever runs it to stop. No row: it has ended.
update tenant.jobs
set state = case state when 'waiting' then 'cancelled' else state end, finished_at = case state when 'waiting' then now() end,
    cancelling = state = 'running'
where id = $1 and state in ('waiting', 'running')
returning id
