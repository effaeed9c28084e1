-- Door: the tenants that are open, in order of their ids, after one. For what is begun in each of them.
-- Why a door: no role that works sees more than one tenant. An id opens nothing: what is done in a tenant is done behind its wall.
create or replace function registry.open_tenants(after uuid, most integer) returns setof uuid
    language plpgsql stable security definer set search_path = ''
as $$
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    return query
        select h.tenant_id from tenant.job_heads h
        where h.tenant_id > after and h.tenant_status in ('trial', 'active')
        order by h.tenant_id limit least(most, 1000);
end
$$;
alter function registry.open_tenants(uuid, integer) owner to rowhouse_tenancy;
revoke all on function registry.open_tenants(uuid, integer) from public;
grant execute on function registry.open_tenants(uuid, integer) to rowhouse_worker;
comment on function registry.open_tenants(uuid, integer) is
    'What recurs is begun in each tenant; the worker learns their ids, which open nothing.';
