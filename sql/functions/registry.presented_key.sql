-- Not a door, nobody may call it but doors: the API key that asks (app.api_key: its id, a dot, and SHA-256 of its secret
-- in hex, of which SHA-256 is kept) in the tenant that is set, or no row when it is not one, was revoked or has expired. The one place that says
-- when a secret is a key's.
create or replace function registry.presented_key()
    returns table (id uuid, permissions text[], tenant_status text)
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    presented text := current_setting('app.api_key');
    -- Here and not in the statement: what is no id raises, whichever plan the statement has.
    wanted uuid := split_part(presented, '.', 1)::uuid;
    hash bytea := sha256(decode(split_part(presented, '.', 2), 'hex'));
begin
    return query
        select k.id, k.permissions, k.tenant_status
        from tenant.api_keys k
        where k.tenant_id = current_setting('app.tenant_id')::uuid
          and k.id = wanted
          and (k.expires_at is null or k.expires_at > now())
          and (k.secret_hash = hash or k.previous_hash = hash and k.previous_until > now());
end
$$;
alter function registry.presented_key() owner to rowhouse_owner;
revoke all on function registry.presented_key() from public;
grant execute on function registry.presented_key() to rowhouse_tenancy;
