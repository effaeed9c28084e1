-- A seat for each session that was open before the triggers of V20 were there, with nobody kept waiting: whatever the triggers have
-- written meanwhile is newer.
set local role rowhouse_migrator;
insert into tenant.seats (tenant_id, user_id, session_hash, open_until)
select m.tenant_id, m.user_id, sha256(uuid_send(s.id)), least(s.idle_until, s.expires_at)
from registry.sessions s
join tenant.memberships m on m.user_id = s.user_id
where s.idle_until > now() and s.expires_at > now()
on conflict do nothing;
set local role rowhouse_owner;
