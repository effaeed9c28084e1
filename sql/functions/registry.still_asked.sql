-- Not a door, nobody may call it but doors: whether whoever caused a job still holds what causing it asks for: the member, or the API key, as it is now.
create or replace function registry.still_asked(wanted_tenant uuid, by_member uuid, by_key uuid, asks text) returns boolean
    language plpgsql stable parallel safe set search_path = ''
as $$
begin
    return exists (select from tenant.memberships m
                   where m.tenant_id = wanted_tenant and m.user_id = by_member and m.account_active and asks = any (m.permissions))
        or exists (select from tenant.api_keys k
                   where k.tenant_id = wanted_tenant and k.id = by_key and (k.expires_at is null or k.expires_at > now())
                     and asks = any (k.permissions));
end
$$;
alter function registry.still_asked(uuid, uuid, uuid, text) owner to rowhouse_owner;
revoke all on function registry.still_asked(uuid, uuid, uuid, text) from public;
grant execute on function registry.still_asked(uuid, uuid, uuid, text) to rowhouse_tenancy;
