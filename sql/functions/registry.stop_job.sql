-- Trigger with its owner's rights: whoever cancels an operation cancels the job with its id and of its kind (docs/adr/0034). One that waits ends at once, and
-- the operation with it (registry.tell_of_operation); one that runs is told with its next sign of life; and one that there is no more leaves nobody who
-- could end the operation, so that it ends here.
-- Why with rights of its own: whoever holds operations:write need not hold jobs:write. It is no door, nobody can call it; which job, the row says.
-- A job that somebody else is writing just now begins, or ends: it finds `cancelling` in the operation, or whoever asks once more finds it.
create or replace function registry.stop_job() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    update tenant.jobs j
    set cancelling = true,
        state = case j.state when 'waiting' then 'cancelled' else j.state end,
        finished_at = case j.state when 'waiting' then clock_timestamp() end
    where j.tenant_id = new.tenant_id
      and j.id = (select s.id from tenant.jobs s
                  where s.tenant_id = new.tenant_id and s.id = new.id and s.kind = new.kind and s.state in ('waiting', 'running')
                  for no key update skip locked);
    -- One of the version before is done by the process that was asked, and has no job.
    update tenant.operations o
    set status = 'cancelled', finished_at = clock_timestamp()
    where o.tenant_id = new.tenant_id and o.id = new.id and o.status in ('queued', 'running') and o.alive_at = 'infinity'
      and not exists (select from tenant.jobs s
                      where s.tenant_id = new.tenant_id and s.id = new.id and s.kind = new.kind and s.state in ('waiting', 'running'));
    return null;
end
$$;
alter function registry.stop_job() owner to rowhouse_writers;
revoke all on function registry.stop_job() from public;
comment on function registry.stop_job() is 'Whoever cancels an operation need not be let into jobs; which one it is, its id and kind say.';
