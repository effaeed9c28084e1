-- Trigger, not a door: nobody has a secret of an endpoint, or ends one, that is told of more than they hold themselves. Whoever has it could sign as the house,
-- and whoever ends it has nothing arrive. RH004 names the first permission that is missing (registry.no_more_than_held).
create or replace function registry.no_more_than_told() returns trigger
    language plpgsql set search_path = ''
as $$
declare
    held constant text[] := coalesce(registry.caller_permissions(), '{}');
    missing text;
begin
    select p into missing
    from tenant.webhook_endpoints w cross join unnest(w.permissions) p
    where w.tenant_id = new.tenant_id and w.id = new.endpoint_id and not p = any (held)
    limit 1;
    if missing is not null then
        raise exception using errcode = 'RH004', message = missing;
    end if;
    return new;
end
$$;
alter function registry.no_more_than_told() owner to rowhouse_owner;
revoke all on function registry.no_more_than_told() from public;
