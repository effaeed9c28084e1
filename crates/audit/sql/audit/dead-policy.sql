-- id: dead-policy
-- severity: warning
-- finds: a permissive policy for roles none of which may do what it is for
-- why: it says that somebody may, and nobody can: a grant was forgotten, or the policy names the wrong role or
--   command, and the next grant opens more than was thought.
-- mend: drop policy …, or grant what it is for
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), named as (
    select p.oid, p.polname, t.name, t.oid as relation, u.role,
           case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
                         else 'select, insert, update, delete' end as privileges,
           case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then null
                         else 'select, insert, update' end as column_privileges
    from tables t
    join pg_policy p on p.polrelid = t.oid and p.polpermissive and not 0 = any (p.polroles)
    cross join unnest(p.polroles) as u (role)
), members as (
    select n.role, m.oid as member
    from (select distinct role from named) n
    join pg_roles m on (not m.rolsuper or m.oid = n.role) and pg_has_role(m.oid, n.role, 'member')
)
select n.name || '.' || quote_ident(n.polname) as object,
       format('no role it is for (%s) may %s', string_agg(distinct coalesce(r.rolname::text, n.role::text), ', '),
              replace(n.privileges, ', ', ' or ')) as detail,
       format('drop policy %I on %s', n.polname, n.name) as fix
from named n
join members m on m.role = n.role
left join pg_roles r on r.oid = n.role
group by n.oid, n.name, n.polname, n.privileges
having not bool_or(case when has_table_privilege(m.member, n.relation, n.privileges) then true
                        else coalesce(has_any_column_privilege(m.member, n.relation, n.column_privileges), false) end)
order by 1;
