-- Trigger with its owner's rights: an operation that has ended, however, has no file any more.
-- Why with rights of its own: who cancels one need not be let into files, and a job that may delete would delete another's. It is no door, nobody can
-- call it; which operation, the row says.
create or replace function registry.end_operation() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    delete from tenant.operation_files f where f.tenant_id = new.tenant_id and f.operation_id = new.id;
    return null;
end
$$;
alter function registry.end_operation() owner to rowhouse_writers;
revoke all on function registry.end_operation() from public;
comment on function registry.end_operation() is 'Whoever cancels an operation need not be let into files; which one has ended, the row says.';
