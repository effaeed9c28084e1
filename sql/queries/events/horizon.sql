-- How far events can be read now. The number of a transaction is 64 bits wide and counts on for as long as the cluster lives.
select registry.present_epoch() as epoch, pg_snapshot_xmin(s.now)::text::bigint as settled, pg_snapshot_xmax(s.now)::text::bigint as next
from (select pg_current_snapshot() as now) s
where $1::uuid is not null
