-- $2: the versions the caller accepts, null for any.
-- $2 versions bigint[] = null
-- $3 name text = 'taken'
update registry.tenants set name = coalesce($3, name)
where id = $1 and ($2::bigint[] is null or version = any ($2))
returning id, slug, name, status, trial_ends_at, paid_until, created_at, updated_at, version
