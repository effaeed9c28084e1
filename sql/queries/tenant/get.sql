select id, slug, name, status, trial_ends_at, paid_until, created_at, updated_at, version
from registry.tenants
where id = $1
