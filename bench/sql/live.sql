-- More members for each of load.sql's tenants, as a superuser: bench.members in all. Each has a session of their own id.
create temporary table more as
select t.id as tenant_id, t.slug, t.status, m.m, gen_random_uuid() as user_id
from registry.tenants t cross join generate_series(2, current_setting('bench.members')::int) m (m);

insert into registry.users (id, email, full_name, password_hash, email_verified_at)
select user_id, format('member-%s@%s.example', m, slug), format('Member %s of %s', m, slug), 'none', now() from more;
insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
select user_id, user_id, 'bearer', now() + interval '1 year', now() + interval '1 year' from more;
insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
select m.tenant_id, u.id, r.id, r.permissions, m.status, u.active, u.email, u.full_name
from more m
join registry.users u on u.id = m.user_id
join tenant.roles r on r.tenant_id = m.tenant_id and r.name = 'member';
analyze;
