-- Two tenants with people, as the first version has them. What each version brings besides is made up by its catalog; only what
-- belongs to no tenant is written here, when its table is there: `-- TABLE` before each statement.
insert into registry.tenants (id, slug, name, status) values
    ('00000000-0000-7000-8000-00000000000a', 'acme', 'Acme', 'active'),
    ('00000000-0000-7000-8000-00000000001a', 'globex', 'Globex', 'active');
insert into registry.users (id, email, full_name, password_hash) values
    ('00000000-0000-7000-8000-00000000000b', 'ada@acme.example', 'Ada', 'x'),
    ('00000000-0000-7000-8000-00000000001b', 'hank@globex.example', 'Hank', 'x');
insert into tenant.roles (tenant_id, id, name, permissions, built_in)
    select t.id, gen_random_uuid(), b.name, b.permissions, true from registry.tenants t, registry.built_in_roles b;
insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active)
    select r.tenant_id, overlay(r.tenant_id::text placing 'b' from 36)::uuid, r.id, r.permissions, 'active', true
    from tenant.roles r where r.name = 'owner';
-- registry.sessions
insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
    select id, id, 'bearer', now() + interval '1 day', now() + interval '1 day' from registry.users;
-- registry.refresh_tokens
insert into registry.refresh_tokens (token_hash, user_id, session_id)
    select sha256(id::text::bytea), user_id, id from registry.sessions;
-- registry.mail_tokens
insert into registry.mail_tokens (token_hash, user_id, purpose, email, expires_at)
    select sha256(id::text::bytea), id, 'reset_password', email, now() + interval '1 hour' from registry.users;
-- registry.totp
insert into registry.totp (user_id, secret_sealed, confirmed_at) select id, 'x', now() from registry.users;
-- registry.recovery_codes
insert into registry.recovery_codes (user_id, code_hash) select user_id, sha256(user_id::text::bytea) from registry.totp;
-- registry.attempts
insert into registry.attempts (subject, failures, last_at, blocked_until) values (sha256('x'), 1, now(), now());
-- registry.account_events
insert into registry.account_events (user_id, kind, session_id) select user_id, 'signed_in', id from registry.sessions;
-- registry.operators
insert into registry.operators (user_id) select id from registry.users limit 1;
-- registry.idempotency_keys
insert into registry.idempotency_keys (user_id, key, fingerprint, status) select id, 'x', sha256('x'), 201 from registry.users;
-- registry.platform_settings
insert into registry.platform_settings (key, value, public, description) values ('platform.name', '"Rowhouse"', true, 'x');
-- registry.seal_keys
insert into registry.seal_keys (id, inner_block, outer_block) values (gen_random_uuid(), decode(repeat('00', 64), 'hex'), decode(repeat('00', 64), 'hex'));
-- registry.devices
insert into registry.devices (user_id, token_hash) select id, sha256(id::text::bytea) from registry.users;
-- registry.spent_seals
insert into registry.spent_seals (number, good_until) values (gen_random_uuid(), now());
-- registry.schedules
insert into registry.schedules (name) values ('jobs.forget');
-- registry.letters
insert into registry.letters (id, about, address, same, sealed) values (gen_random_uuid(), 'reset_password', sha256('x'), sha256('x'), 'x');
