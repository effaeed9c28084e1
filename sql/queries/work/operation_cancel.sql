-- Ends the operation because somebody asked for it, of it or of its job; nothing where nobody has: a worker that has to stop stops for other reasons too.
update tenant.operations o
set status = 'cancelled', done = $3, result = $4, finished_at = clock_timestamp()
where o.tenant_id = $1 and o.id = $2 and o.status in ('queued', 'running')
  and (o.cancelling or exists (select from tenant.jobs j where j.tenant_id = $1 and j.id = $2 and j.cancelling))
returning o.id
