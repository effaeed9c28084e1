-- Door for doors of rowhouse_tenancy alone (registry.join_tenant), and called by triggers of its own owner: tells a member
-- something. The one way in which a notification is made. Whoever is no member (any more) is not told, and whatever happened has
-- happened all the same: a key and not a look says so, because nobody is seen there whose tenant is not set.
-- Why a door: whoever decides about tenants writes no notification by another way.
create or replace function registry.notify_member(
        in_tenant uuid, member uuid, what text, headline text, leads_to text, details jsonb, words text default null) returns void
    language plpgsql security definer set search_path = ''
as $$
begin
    insert into tenant.notifications (tenant_id, user_id, epoch, id, kind, title, body, link, data)
    values (in_tenant, member, (select t.epoch from registry.tenants t where t.id = in_tenant), registry.new_id(),
            what, headline, words, leads_to, details);
exception when foreign_key_violation then
    null;
end
$$;
alter function registry.notify_member(uuid, uuid, text, text, text, jsonb, text) owner to rowhouse_writers;
revoke all on function registry.notify_member(uuid, uuid, text, text, text, jsonb, text) from public;
grant execute on function registry.notify_member(uuid, uuid, text, text, text, jsonb, text) to rowhouse_tenancy;
comment on function registry.notify_member(uuid, uuid, text, text, text, jsonb, text) is
    'Nobody who serves or decides writes what others are told; it writes one notification and reads none.';
