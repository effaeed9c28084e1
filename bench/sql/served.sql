-- What a database that has served knows of itself: without it, the planner takes tables that were empty when they were looked
-- at for empty ones.
insert into tenant.idempotency_keys (tenant_id, user_id, key, fingerprint, status, answer)
select m.tenant_id, m.user_id, 'key-' || n, sha256(n::text::bytea), 201, ''
from tenant.memberships m, generate_series(1, 1000) as n;
