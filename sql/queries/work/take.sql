-- Up to $3 jobs of the kinds in $2, a turn of $4 at most, each leased for $5 seconds; what nobody here can do is looked at again after $6.
-- $1 is the tenant whose wall it is.
select j.id, j.kind, j.payload, j.payload_version, j.attempts, j.max_attempts, j.lease, j.created_by
from registry.take_jobs($2, $3, $4, make_interval(secs => $5), make_interval(secs => $6)) j
where $1::uuid is not null
