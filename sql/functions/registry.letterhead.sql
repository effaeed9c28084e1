-- Door: the tenant's name and status, and the caller's own name, for writing letters and for rows that carry the
-- status. Why a door: whoever may invite need not be let into the tenant's record. Members and keys of the tenant
-- that is set alone: RH002, RH007.
create or replace function registry.letterhead() returns table (tenant_name text, tenant_status text, full_name text)
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    if registry.caller_permissions() is null then
        raise exception using errcode = case when current_setting('app.user_id') <> '' then 'RH002' else 'RH007' end,
            message = 'not of this tenant';
    end if;
    return query
        select t.name, t.status,
               (select m.full_name from tenant.memberships m
                where m.tenant_id = t.id and m.user_id = nullif(current_setting('app.user_id'), '')::uuid)
        from registry.tenants t
        where t.id = current_setting('app.tenant_id')::uuid;
end
$$;
alter function registry.letterhead() owner to rowhouse_tenancy;
revoke all on function registry.letterhead() from public;
grant execute on function registry.letterhead() to rowhouse_api;
comment on function registry.letterhead() is
    'Whoever may invite need not be let into the tenant''s record; it tells names and status of the tenant that is set.';
