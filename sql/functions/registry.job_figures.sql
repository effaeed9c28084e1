-- Door: how many jobs wait and are due, by kind, and since when the first of them does; of all tenants together, and of none by name.
-- Why a door: no role that works sees more than one tenant, and whoever watches the platform has to know that something is left undone.
create or replace function registry.job_figures() returns table (kind text, jobs bigint, seconds double precision)
    language plpgsql stable security definer set search_path = ''
as $$
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    return query
        select j.kind, count(*), extract(epoch from now() - min(j.run_at))::double precision
        from tenant.jobs j where j.state = 'waiting' and j.run_at <= now()
        group by j.kind order by j.kind limit 200;
end
$$;
alter function registry.job_figures() owner to rowhouse_tenancy;
revoke all on function registry.job_figures() from public;
grant execute on function registry.job_figures() to rowhouse_worker;
comment on function registry.job_figures() is
    'Whoever watches the platform has to know what is left undone; it names no tenant.';
