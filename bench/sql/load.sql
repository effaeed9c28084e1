-- The data set, as a superuser, in one transaction. bench.tenants and bench.projects say how much.

-- Shaped like UUIDv7 and growing with n, as ids do that are made when the row is.
create function pg_temp.id(n bigint) returns uuid language sql immutable as $$
    select (lpad(to_hex(1750000000000 + n), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15))::uuid
    from md5(n::text) as noise
$$;

-- Each tenant has one person, and the two have the same id, as has the person's session.
insert into registry.tenants (id, slug, name, status)
select pg_temp.id(t), 'tenant-' || t, 'Tenant ' || t, 'active'
from generate_series(1, current_setting('bench.tenants')::int) as t;

insert into registry.users (id, email, full_name, password_hash, email_verified_at)
select pg_temp.id(t), format('member@tenant-%s.example', t), 'Member ' || t, current_setting('bench.password_hash'), now()
from generate_series(1, current_setting('bench.tenants')::int) as t;

insert into tenant.roles (tenant_id, id, name, permissions, built_in)
select t.id, gen_random_uuid(), built_in.name, built_in.permissions, true
from registry.tenants t, registry.built_in_roles built_in;

insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
select id, id, 'bearer', now() + interval '10 years', now() + interval '10 years' from registry.users;

insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
select t.id, u.id, r.id, r.permissions, t.status, u.active, u.email, u.full_name
from registry.tenants t
join registry.users u on u.id = t.id
join tenant.roles r on r.tenant_id = t.id and r.name = 'member';

-- Project by project and not tenant by tenant: in life tenants grow side by side, so that one page of
-- a list lies on as many pages of the table.
insert into tenant.projects (tenant_id, id, name, description, status, owner_id)
select
    pg_temp.id(t),
    pg_temp.id(p::bigint * tenants + t),
    format('%s %s %s', (array['Amber', 'Brisk', 'Calm', 'Distant', 'Early'])[1 + p % 5],
           (array['Atlas', 'Bridge', 'Compass', 'Delta', 'Engine', 'Forge', 'Garden'])[1 + p % 7], p),
    case when p % 3 <> 0 then format('What project %s of tenant %s is for.', p, t) end,
    (array['active', 'planned', 'paused', 'completed', 'archived'])[1 + p % 7 % 5],
    pg_temp.id(t)
from (select current_setting('bench.tenants')::int as tenants) as size,
     generate_series(1, current_setting('bench.projects')::int) as p,
     generate_series(1, size.tenants) as t
order by p, t;
