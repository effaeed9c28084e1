-- Ten tenants of six members, who are signed in by sessions that have their own ids.
insert into registry.tenants (id, slug, name, status)
select registry.new_id(), 'fleet-' || t, 'Fleet ' || t, 'active' from generate_series(1, 10) t;
insert into tenant.roles (tenant_id, id, name, permissions, built_in)
select t.id, gen_random_uuid(), b.name, b.permissions, true
from registry.tenants t cross join registry.built_in_roles b where t.slug like 'fleet-%' on conflict do nothing;
insert into registry.users (id, email, full_name, password_hash, email_verified_at)
select gen_random_uuid(), format('member-%s@%s.example', m, t.slug), 'Member', 'none', now()
from registry.tenants t cross join generate_series(1, 6) m where t.slug like 'fleet-%';
insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
select id, id, 'bearer', now() + interval '1 day', now() + interval '1 day' from registry.users where email like '%@fleet-%';
insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
select t.id, u.id, r.id, r.permissions, t.status, u.active, u.email, u.full_name
from registry.tenants t
join registry.users u on u.email like '%@' || t.slug || '.example'
join tenant.roles r on r.tenant_id = t.id and r.name = 'member'
where t.slug like 'fleet-%';
insert into registry.tenant_limits (tenant_id, tenant_per_minute, principal_per_minute)
select id, 1000000, 1000000 from registry.tenants where slug like 'fleet-%';
