-- Whether the caller is still who they were, and may do all of these; an error that says why not. A null among them asks for membership alone.
-- $2 permissions text[] = array['events:read']
select registry.require_each($2::text[]) as tenant_id
where $1::uuid is not null
