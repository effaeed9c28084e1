-- Trigger: where somebody lost a right, whoever follows something in that tenant is to ask again, on every instance: a session ended or was cut
-- short (tenant.seats), a member was removed or changed, a key was revoked or changed, but for when it was used (what becomes of roles, accounts and
-- the tenant, memberships and keys carry). It says the tenant's id and opens nothing; docs/adr/0031.
-- It has no rights of its own: NOTIFY, unlike the function that does the same, is everybody's to say. Nothing is said when the transaction is
-- rolled back, and the same only once in one that is not. Rare, so the lock that it takes at commit is nobody's to wait for.
-- A session that is prolonged, and a key that is used, lose nothing.
create or replace function registry.wake_streams() returns trigger
    language plpgsql set search_path = '' set enable_nestloop = off
as $$
declare
    whose uuid;
    tenants uuid[];
begin
    if tg_op = 'DELETE' then
        select array_agg(distinct b.tenant_id) into tenants from before b;
    elsif tg_table_name = 'seats' then
        select array_agg(distinct a.tenant_id) into tenants
        from after a
        join before b on b.tenant_id = a.tenant_id and b.user_id = a.user_id and b.session_hash = a.session_hash
        where a.open_until < b.open_until;
    elsif tg_table_name = 'memberships' then
        select array_agg(distinct a.tenant_id) into tenants from after a;
    else
        select array_agg(distinct a.tenant_id) into tenants
        from after a
        join before b on b.tenant_id = a.tenant_id and b.id = a.id
        where to_jsonb(a) - '{last_used_at,updated_at}'::text[] <> to_jsonb(b) - '{last_used_at,updated_at}'::text[];
    end if;
    foreach whose in array coalesce(tenants, '{}') loop
        execute format('notify rowhouse_wake, %L', whose);
    end loop;
    return null;
end
$$;
alter function registry.wake_streams() owner to rowhouse_owner;
revoke all on function registry.wake_streams() from public;
