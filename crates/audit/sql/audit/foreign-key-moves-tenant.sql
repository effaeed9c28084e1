-- id: foreign-key-moves-tenant
-- severity: warning
-- finds: a foreign key with ON UPDATE CASCADE over the tenant column, where a runtime role may update what it points to past a wall
-- why: the cascade writes the tenant column of rows it finds past every policy: one update moves them to
--   another tenant.
-- mend: revoke update on the referenced column, or drop ON UPDATE CASCADE
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), tenant_columns as materialized (
    select a.attrelid, a.attnum, a.attname, a.attnotnull, a.atttypid, a.attacl
    from tables
    join pg_attribute a on a.attrelid = tables.oid and a.attnum > 0 and not a.attisdropped
    where a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[])
), verdicts as (
    -- Where the policies keep an update within the tenant, before and after, the cascade stays there too.
    select v."table", v.role, bool_and(v.verdict = 'walled') as walled
    from jsonb_to_recordset(coalesce(nullif(current_setting('audit.verdicts', true), ''), '[]')::jsonb)
         as v ("table" text, role text, command text, clause text, verdict text)
    where v.command = 'update'
    group by v."table", v.role
)
select t.name || '.' || quote_ident(k.conname) as object,
       format('%s may update %I.%I.%I, and %I follows', string_agg(r.rolname, ', ' order by r.rolname),
              n.nspname, f.relname, a.attname, c.attname) as detail,
       format('revoke update on %I.%I from %s; grant update by column, without %I', n.nspname, f.relname,
              string_agg(quote_ident(r.rolname), ', ' order by r.rolname), a.attname) as fix
from pg_constraint k
join tables t on t.oid = k.conrelid
cross join generate_subscripts(k.conkey, 1) as u (i)
join tenant_columns c on c.attrelid = t.oid and c.attnum = k.conkey[u.i]
join pg_class f on f.oid = k.confrelid
join pg_namespace n on n.oid = f.relnamespace
join pg_attribute a on a.attrelid = f.oid and a.attnum = k.confkey[u.i]
join runtime r on has_column_privilege(r.oid, f.oid, a.attnum, 'update')
left join verdicts v on v."table" = quote_ident(n.nspname) || '.' || quote_ident(f.relname) and v.role = r.rolname
where k.contype = 'f' and k.conparentid = 0 and k.confupdtype = 'c'
  and not coalesce(v.walled, false)
group by t.name, k.conname, n.nspname, f.relname, a.attname, c.attname
order by 1;
