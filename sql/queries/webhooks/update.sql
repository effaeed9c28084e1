-- $3: the versions the caller accepts, null for any. Null in $4 to $6, $8 and $9 leaves what there is; $7 goes with $6. Whoever enables an
-- endpoint has it told what happens from then on.
-- $2 id uuid = {webhook_endpoints.id}
-- $3 versions bigint[] = null
-- $4 url text = 'https://example.com/taken'
-- $5 description text = null
-- $6 event_types text[] = null
-- $7 permissions text[] = '{projects:read}'
-- $8 ordered boolean = null
-- $9 state text = null
update tenant.webhook_endpoints
set url           = coalesce($4, url),
    description   = coalesce($5, description),
    event_types   = coalesce($6, event_types),
    permissions   = case when $6::text[] is null then permissions
                         when cardinality($6::text[]) > 0 then $7::text[]
                         else array(select p from unnest($7::text[]) p where p = any (registry.caller_permissions()) or p = 'events:read') end,
    ordered       = coalesce($8, ordered),
    state         = coalesce($9, state),
    disabled_why  = case coalesce($9, state) when 'disabled' then coalesce(disabled_why, 'by_hand') end,
    disabled_at   = case coalesce($9, state) when 'disabled' then coalesce(disabled_at, now()) end,
    failing_since = case when coalesce($9, state) = 'enabled' and state = 'disabled' then null else failing_since end
where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))
returning id, url, description, event_types, ordered, state, disabled_why, disabled_at, failing_since, created_by, created_at, updated_at, version
