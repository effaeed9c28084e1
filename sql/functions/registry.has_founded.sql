-- Door for doors of rowhouse_identity alone: whether somebody has founded a tenant, so that whoever signs up once more founds no
-- second one. Why a door: whoever makes accounts reaches nothing of a tenant.
create or replace function registry.has_founded(person uuid) returns boolean
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    return exists (select from registry.tenants t where t.founder_id = person);
end
$$;
alter function registry.has_founded(uuid) owner to rowhouse_tenancy;
revoke all on function registry.has_founded(uuid) from public;
grant execute on function registry.has_founded(uuid) to rowhouse_identity;
comment on function registry.has_founded(uuid) is
    'Whoever makes accounts reaches nothing of a tenant; it tells yes or no of one account.';
