-- What the serving roles have sent since the counters were reset: statements, and transactions that were committed.
select coalesce(sum(s.calls) filter (where s.query !~* '^\s*(begin|commit|rollback|set|reset|deallocate|discard)\y'), 0)::bigint as statements,
       coalesce(sum(s.calls) filter (where s.query ~* '^\s*commit\y'), 0)::bigint as transactions
from pg_stat_statements s
join pg_database d on d.oid = s.dbid
join pg_roles r on r.oid = s.userid
where d.datname = $1 and r.rolname like 'rowhouse\_%'
