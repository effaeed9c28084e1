-- What every word of a tenant's index entries begins with. It decides where words stand, not who may see them: two
-- tenants with the same mark would read past each other's entries, and the wall keeps them apart as ever.
create or replace function registry.tenant_mark(tenant uuid) returns text
    language sql immutable strict parallel safe set search_path = ''
return left(md5(uuid_send(tenant)), 8);
alter function registry.tenant_mark(uuid) owner to rowhouse_owner;
revoke all on function registry.tenant_mark(uuid) from public;
grant execute on function registry.tenant_mark(uuid) to rowhouse_api, rowhouse_worker;
