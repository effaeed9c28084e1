-- Trigger with its owner's rights: a tenant keeps at least one owner whose account is active. It locks the
-- owner's role first, so that two owners who leave at once leave one after the other.
-- Why with rights of its own: whether an owner is left must not depend on whom the caller may see. It is no
-- door, nobody can call it; it reads the tenant that is set and answers nothing.
create or replace function registry.keep_an_owner() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    owner_role uuid;
begin
    select r.id into owner_role
    from tenant.roles r
    where r.tenant_id = old.tenant_id and r.built_in and r.name = 'owner'
    for no key update;

    if old.role_id = owner_role
       and (tg_op = 'DELETE' or new.role_id <> owner_role)
       and not exists (select from tenant.memberships m
                       where m.tenant_id = old.tenant_id and m.role_id = owner_role and m.account_active
                         and m.user_id <> old.user_id) then
        raise exception using errcode = 'RH010', message = 'last owner';
    end if;
    return null;
end
$$;
alter function registry.keep_an_owner() owner to rowhouse_tenancy;
revoke all on function registry.keep_an_owner() from public;
comment on function registry.keep_an_owner() is
    'Whether a tenant keeps an owner must not depend on whom the caller may see.';
