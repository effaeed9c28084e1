-- Trigger with its owner's rights: an endpoint that is made, or enabled again, is told what happens from now on: of transactions that had not ended then.
-- Why with rights of its own: nobody who serves may say from where an endpoint is told, or one far ahead would have a tenant's events passed over;
-- and the tenant's epoch is the registry's. It is no door, nobody can call it; which tenant, the row says.
create or replace function registry.begin_telling() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    new.since_epoch := coalesce((select t.epoch from registry.tenants t where t.id = new.tenant_id), 0);
    new.since_xid := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    return new;
end
$$;
alter function registry.begin_telling() owner to rowhouse_writers;
revoke all on function registry.begin_telling() from public;
comment on function registry.begin_telling() is 'Nobody who serves may say from where an endpoint is told; it begins now.';
