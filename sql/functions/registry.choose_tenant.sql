-- Door: the tenant a session that was just opened acts in: the one that header or host named, RH002 when its user
-- is no member; without one the tenant its user joined first, so that whoever signs in without a word of tenants goes
-- on in the same one when they are invited to another; none for whoever is in none.
-- Why a door: memberships in other tenants are behind the wall.
create or replace function registry.choose_tenant(named uuid) returns uuid
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
    chosen uuid := named;
begin
    perform registry.refuse_in_tenant();
    if named is null then
        select m.tenant_id into chosen
        from tenant.memberships m
        where m.user_id = me and m.tenant_status <> 'closed'
        order by m.created_at, m.tenant_id
        limit 1;
    elsif not exists (select from tenant.memberships m where m.tenant_id = named and m.user_id = me) then
        raise exception using errcode = 'RH002', message = 'not a member';
    end if;
    perform registry.act_in(chosen);
    return chosen;
end
$$;
alter function registry.choose_tenant(uuid) owner to rowhouse_tenancy;
revoke all on function registry.choose_tenant(uuid) from public;
grant execute on function registry.choose_tenant(uuid) to rowhouse_gate;
comment on function registry.choose_tenant(uuid) is
    'Memberships in other tenants are behind the wall; it looks at the caller''s own.';
