-- Door: adds to what the tenant that is set has asked for this month, and answers how much it may and how much that makes:
-- in the month and the minute, altogether and by each principal; null is as much as it likes. With 0 it only answers, to
-- whoever is a member or an API key of the tenant, and nobody else (registry.require).
-- Why a door: a tenant decides neither what it may nor what it has used, so nobody who serves reads or writes those tables. A
-- count is never taken back here.
create or replace function registry.meter(requests bigint)
    returns table (tenant_per_minute bigint, principal_per_minute bigint, tenant_per_month bigint, used bigint,
                   month_begins timestamptz, month_ends timestamptz)
    language plpgsql security definer set search_path = ''
as $$
declare
    asking uuid := registry.require(null);
    this_month date := date_trunc('month', now() at time zone 'UTC');
begin
    if requests is null or requests not between 0 and 1000000000 then
        raise exception using errcode = '22003', message = 'a count is between 0 and 1000000000';
    end if;
    if requests > 0 then
        insert into registry.tenant_usage as u (tenant_id, month, requests) values (asking, this_month, meter.requests)
        on conflict (tenant_id, month) do update set requests = u.requests + excluded.requests;
    end if;
    month_begins := this_month::timestamp at time zone 'UTC';
    month_ends := (this_month + interval '1 month') at time zone 'UTC';
    used := coalesce((select u.requests from registry.tenant_usage u where u.tenant_id = asking and u.month = this_month), 0);
    select l.tenant_per_minute, l.principal_per_minute, l.tenant_per_month
    into tenant_per_minute, principal_per_minute, tenant_per_month
    from registry.tenant_limits l where l.tenant_id = asking;
    if not found then
        tenant_per_minute := registry.platform_limit('limits.tenant_per_minute', 6000);
        principal_per_minute := registry.platform_limit('limits.principal_per_minute', 1200);
        tenant_per_month := registry.platform_limit('limits.tenant_per_month', null);
    end if;
    return next;
end
$$;
alter function registry.meter(bigint) owner to rowhouse_tenancy;
revoke all on function registry.meter(bigint) from public;
grant execute on function registry.meter(bigint) to rowhouse_api;
comment on function registry.meter(bigint) is
    'What a tenant may ask for and what it has asked for are not the tenant''s to read or write; the door counts for its own.';
