-- $1: the versions the caller accepts, null for any. The wall on registry.users lets through the caller alone.
-- $1 versions bigint[] = null
-- $2 full_name text
update registry.users u
set full_name = coalesce($2, full_name)
where $1::bigint[] is null or version = any ($1)
returning u.id, u.email, u.full_name, u.created_at, u.updated_at, u.version,
          exists (select from registry.totp t where t.user_id = u.id and t.confirmed_at is not null) as second_factor
