-- Not a door, nobody may call it but doors: tells a member something. The one way in which a notification is made.
-- Whoever is no member (any more) is not told, and whatever happened has happened all the same: a key and not a look says
-- so, because the doors see no membership of a tenant that is not set.
create or replace function registry.notify_member(
        in_tenant uuid, member uuid, what text, headline text, leads_to text, details jsonb, words text default null) returns void
    language plpgsql set search_path = ''
as $$
begin
    insert into tenant.notifications (tenant_id, user_id, id, kind, title, body, link, data)
    values (in_tenant, member, registry.new_id(), what, headline, words, leads_to, details);
exception when foreign_key_violation then
    null;
end
$$;
alter function registry.notify_member(uuid, uuid, text, text, text, jsonb, text) owner to rowhouse_owner;
revoke all on function registry.notify_member(uuid, uuid, text, text, text, jsonb, text) from public;
grant execute on function registry.notify_member(uuid, uuid, text, text, text, jsonb, text) to rowhouse_doors;
