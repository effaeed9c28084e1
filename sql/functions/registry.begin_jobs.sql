-- Trigger with its owner's rights: a tenant has its place in the workers' line from the first moment, asleep.
-- Why with rights of its own: whoever founds tenants may not say when a tenant's turn is. It is no door, nobody can call it.
create or replace function registry.begin_jobs() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    insert into tenant.job_heads (tenant_id, tenant_status) values (new.id, new.status);
    return null;
end
$$;
alter function registry.begin_jobs() owner to rowhouse_writers;
revoke all on function registry.begin_jobs() from public;
comment on function registry.begin_jobs() is
    'Whoever founds tenants may not say when a tenant''s turn is; it makes the place of the one that is being made.';
