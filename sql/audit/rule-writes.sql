-- id: rule-writes
-- severity: warning
-- finds: a rule on a tenant table or on a view over one
-- why: what a rule does, it does as the owner of the relation, whoever asked; a policy for the asking role
--   does not stop it.
-- mend: drop the rule; a trigger that is SECURITY INVOKER does the same behind the wall
with recursive tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), reads as (
    -- Which view or materialized view reads which relation.
    select distinct w.ev_class as view, d.refobjid as relation
    from pg_rewrite w
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                    and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
    where w.rulename = '_RETURN'
), over (oid) as (
    select oid from tables
    union
    select r.view from over join reads r on r.relation = over.oid
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(w.rulename) as object,
       format('a rule on %s that runs as %s', case w.ev_type when '1' then 'select' when '2' then 'update'
              when '3' then 'insert' else 'delete' end, c.relowner::regrole) as detail,
       format('drop rule %I on %I.%I', w.rulename, n.nspname, c.relname) as fix
from over
join pg_rewrite w on w.ev_class = over.oid and w.rulename <> '_RETURN'
join pg_class c on c.oid = w.ev_class
join pg_namespace n on n.oid = c.relnamespace
order by 1;
