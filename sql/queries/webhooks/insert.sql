-- Nothing where there are fifty. What it may be told of: what its types ask for, and where it is all of them, as much of that ($6) as the
-- caller may read.
-- $2 id uuid = {new}
-- $3 url text = 'https://example.com/planted'
-- $4 description text = ''
-- $5 event_types text[] = '{project.created}'
-- $6 permissions text[] = '{projects:read}'
-- $7 ordered boolean = false
-- $8 created_by uuid = null
insert into tenant.webhook_endpoints (tenant_id, id, url, description, event_types, permissions, ordered, created_by)
select $1, $2, $3, $4, $5,
       case when cardinality($5::text[]) > 0 then $6::text[]
            else array(select p from unnest($6::text[]) p where p = any (registry.caller_permissions()) or p = 'events:read') end,
       $7, $8
where (select count(*) from tenant.webhook_endpoints w where w.tenant_id = $1) < 50
returning id, url, description, event_types, ordered, state, disabled_why, disabled_at, failing_since, created_by, created_at, updated_at, version
