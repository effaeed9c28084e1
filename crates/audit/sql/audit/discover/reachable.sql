-- Roles that a runtime role does not inherit from but may become by SET ROLE, and that hold rights on tenant tables
-- of their own: the way of logins that are NOINHERIT. Stronger roles are left to the lint role-can-become.
select distinct g.oid, g.rolname
from pg_roles r
join pg_auth_members m on true
join pg_roles g on g.oid = m.roleid
where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[]) and not r.rolsuper
  and pg_has_role(r.oid, g.oid, 'member') and not pg_has_role(r.oid, g.oid, 'usage')
  and not g.rolsuper and not g.rolbypassrls and not g.rolcanlogin
  and exists (select from pg_class c, aclexplode(c.relacl) a
              where c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[]) and a.grantee = g.oid and c.relowner <> g.oid)
order by g.rolname;
