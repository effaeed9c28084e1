-- $2 user uuid = {memberships.user_id}
-- $3 versions bigint[] = null
delete from tenant.memberships
where tenant_id = $1 and user_id = $2 and ($3::bigint[] is null or version = any ($3))
returning user_id
