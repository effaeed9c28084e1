-- Which roles serve requests, when nobody says: login roles, no superusers, that hold a grant on a tenant
-- table by themselves, or through PUBLIC or a role they are a member of. Whoever is the table's owner, or
-- a member of it, keeps the table rather than serves from it: only a grant made to it by name counts.
-- Where no role is found so, the login roles that own a tenant table or are members of an owner.
with recursive tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), acts_as (oid, rolname, grantee) as (
    select oid, rolname, oid from pg_roles where rolcanlogin and not rolsuper
    union
    select a.oid, a.rolname, m.roleid
    from acts_as a
    join pg_auth_members m on m.member = a.grantee
    join pg_roles g on g.oid = m.roleid and not g.rolsuper
    -- From 16 on a membership may be there for ADMIN alone, as CREATEROLE gets it of roles it makes.
    where coalesce(to_jsonb(m) ->> 'inherit_option', 'true') = 'true'
       or coalesce(to_jsonb(m) ->> 'set_option', 'true') = 'true'
), grants as (
    select distinct t.relowner, a.grantee
    from tables t, aclexplode(t.relacl) a
    where a.grantee <> t.relowner
    union
    select t.relowner, a.grantee
    from tables t
    join pg_attribute c on c.attrelid = t.oid and c.attacl is not null and not c.attisdropped,
    aclexplode(c.attacl) a
    where a.grantee <> t.relowner
), granted as (
    select r.oid, r.rolname,
           case when bool_or(g.grantee = r.oid) then 'holds a grant on a tenant table'
                when bool_or(g.grantee <> 0) then 'is a member of a role with a grant on a tenant table'
                else 'may what PUBLIC may on a tenant table' end as reason
    from (select * from acts_as union select oid, rolname, 0 from acts_as) r
    join grants g on g.grantee = r.grantee
    where g.grantee = r.oid or not pg_has_role(r.oid, g.relowner, 'member')
    group by r.oid, r.rolname
)
select oid, rolname, reason from granted
union all
select r.oid, r.rolname, 'owns a tenant table, or is a member of an owner; no login role holds a grant on one'
from pg_roles r
where r.rolcanlogin and not r.rolsuper
  and not exists (select from granted)
  and exists (
      select from (select distinct relowner from tables) o
      where o.relowner = r.oid or pg_has_role(r.oid, o.relowner, 'member'))
order by rolname;
