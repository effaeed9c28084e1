-- Trigger with its owner's rights: an operation is what callers see of the job with its id (docs/adr/0034). How far that is, and that it ended without
-- saying so itself (dead, cancelled), is told here.
-- Why with rights of its own: a worker tells of the operation of the job it holds, and a job that is dead is held by nobody; whoever cancels a job
-- (jobs:write) need not hold operations:write. It is no door, nobody can call it; which job, the row says.
-- What somebody else is writing just now is passed over: they know better, and the worker's sign of life must wait for nobody.
create or replace function registry.tell_of_operation() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    if new.state = 'running' then
        update tenant.operations o set done = new.done
        where o.tenant_id = new.tenant_id
          and o.id = (select s.id from tenant.operations s where s.tenant_id = new.tenant_id and s.id = new.id and s.kind = new.kind and s.status = 'running'
                        and s.done < new.done
                      for no key update skip locked);
        return null;
    end if;
    update tenant.operations o
    set status = case new.state when 'dead' then 'failed' else 'cancelled' end, finished_at = clock_timestamp(),
        result = case new.state when 'dead' then
            coalesce(o.result, '{}') || jsonb_build_object('problem', jsonb_build_object('code', new.error_code, 'title', new.error))
            else o.result end
    where o.tenant_id = new.tenant_id and o.id = new.id and o.kind = new.kind and o.status in ('queued', 'running');
    return null;
end
$$;
alter function registry.tell_of_operation() owner to rowhouse_writers;
revoke all on function registry.tell_of_operation() from public;
comment on function registry.tell_of_operation() is 'A job that is dead is held by nobody who could say so; which operation it was, its id says.';
