-- id: grant-trigger
-- severity: error
-- finds: a runtime role that holds TRIGGER on a tenant table, or on one whose rows belong to those of one
-- why: whoever may make a trigger runs code in the statements of every other role that writes the table, with
--   that role's rights and its rows.
-- mend: revoke trigger on … from …; grant only select, insert, update and delete, never all
with recursive runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), acts_as as (
    -- Whose privileges a runtime role has: its own, those of roles it is a member of, everyone's.
    select runtime.rolname, r.oid as grantee
    from runtime join pg_roles r on pg_has_role(runtime.oid, r.oid, 'member')
    union all
    select rolname, 0 from runtime
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), belongs (oid) as (
    -- Tables without tenant column whose rows belong to those of tenant tables by a foreign key.
    select k.conrelid
    from pg_constraint k
    where k.contype = 'f' and k.confrelid in (select oid from tables) and k.conrelid not in (select oid from tables)
    union
    select k.conrelid
    from belongs b
    join pg_constraint k on k.contype = 'f' and k.confrelid = b.oid and k.conrelid not in (select oid from tables)
), walled as (
    select oid, name, relowner, relacl from tables
    union all
    select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relowner, c.relacl
    from belongs b
    join pg_class c on c.oid = b.oid
    join pg_namespace n on n.oid = c.relnamespace
), grants as (
    select t.name, t.relowner, a.grantee, a.privilege_type
    from walled t, aclexplode(t.relacl) a
)
select g.name as object,
       format('TRIGGER is granted to %s', string_agg(distinct
              case when g.grantee = 0 then 'PUBLIC'
                   when g.grantee::regrole::text = quote_ident(a.rolname) then a.rolname
                   else format('%s, of which %s is a member', g.grantee::regrole, a.rolname) end, '; ')) as detail,
       format('revoke trigger on %s from %s', g.name,
              string_agg(distinct case when g.grantee = 0 then 'public' else g.grantee::regrole::text end, ', ')) as fix
from grants g
join acts_as a on a.grantee = g.grantee
where g.privilege_type = 'TRIGGER' and g.grantee <> g.relowner  -- an owner is role-owns
group by g.name
order by 1;
