-- Whether a row is seen must not hang on whether somebody is signed in just now: a session, taken back with the
-- transaction.
insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
select gen_random_uuid(), id, 'bearer', now() + interval '1 hour', now() + interval '1 hour'
from registry.users where id::text = $1
returning id::text
