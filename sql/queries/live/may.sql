-- Whether the caller is still who they were, and may do all of these; an error that says why not. A null among them asks for membership alone.
-- And how far can be read (events/horizon), and in how many seconds what they prove comes to its own end, if ever.
-- $2 permissions text[] = array['events:read']
select registry.require_each($2::text[]) as tenant_id, registry.present_epoch() as epoch,
       pg_snapshot_xmin(s.now)::text::bigint as settled, pg_snapshot_xmax(s.now)::text::bigint as next,
       extract(epoch from registry.caller_until() - clock_timestamp())::float8 as ends_in
from (select pg_current_snapshot() as now) s
where $1::uuid is not null
