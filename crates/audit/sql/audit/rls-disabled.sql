-- id: rls-disabled
-- severity: error
-- finds: a tenant table without row level security
-- why: nothing stands between a query that forgot its WHERE and every tenant's rows.
--   Partitions and inheritance children that nobody who serves requests may touch are left out: rows
--   reached through the parent are behind the parent's policies. Those that may be touched are
--   child-reachable.
-- mend: alter table … enable row level security, force row level security, and give it policies
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), children as (
    select distinct i.inhrelid as oid
    from pg_inherits i join tables parent on parent.oid = i.inhparent
)
select t.name as object,
       format('row level security is off%s; owner is %s',
              case when exists (select from pg_policy p where p.polrelid = t.oid)
                   then ', and the policies it has do nothing' end,
              t.relowner::regrole) as detail,
       format('alter table %s enable row level security, force row level security', t.name) as fix
from tables t
where not t.relrowsecurity and t.oid not in (select oid from children)
order by 1;
