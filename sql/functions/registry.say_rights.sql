-- Trigger with its owner's rights: a seat that is written says what its membership says, whoever writes it and whatever they write:
-- registry.require believes it (docs/adr/0035).
-- Why with rights of its own: whoever opens a session reads no membership. It is no door, nobody can call it; of which member, the row
-- says that is written.
-- For share: whoever changes the membership meanwhile waits, or is waited for, and no seat says what was.
create or replace function registry.say_rights() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    select m.permissions, m.tenant_status, m.account_active
    into new.permissions, new.tenant_status, new.account_active
    from tenant.memberships m
    where m.tenant_id = new.tenant_id and m.user_id = new.user_id
    for share;
    return new;
end
$$;
alter function registry.say_rights() owner to rowhouse_seats;
revoke all on function registry.say_rights() from public;
comment on function registry.say_rights() is
    'Whoever opens a session reads no membership; of which member, the seat says that is written.';
