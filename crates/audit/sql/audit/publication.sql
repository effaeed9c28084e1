-- id: publication
-- severity: warning
-- finds: a publication that carries tenant tables without a row filter that asks for the tenant
-- why: replication asks no policy: whoever subscribes gets every tenant's rows.
-- mend: publish the tables by name, with a row filter (PostgreSQL 15 and later), or know who subscribes
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), carried as (
    select p.pubname, t.name
    from pg_publication_tables p
    join pg_namespace n on n.nspname = p.schemaname
    join tables t on t.relnamespace = n.oid and t.relname = p.tablename
    where not exists (
        -- A filter that only says IS NOT NULL lets every row pass.
        select from pg_attribute a
        where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
          and a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[])
          and regexp_replace(to_jsonb(p) ->> 'rowfilter', '[\w$"]+ IS NOT NULL|''[^'']*''', '', 'g')
              ~ ('(^|[^\w$])' || regexp_replace(a.attname, '(\W)', '\\\1', 'g') || '($|[^\w$])'))
)
select c.pubname::text as object,
       format('%s carries every row of %s tenant tables: %s',
              case when p.puballtables then 'for all tables; it' else 'it' end, count(*),
              array_to_string((array_agg(c.name order by c.name))[1:5], ', ') || case when count(*) > 5 then ', …' else '' end) as detail,
       case when p.puballtables then format('drop publication %I, and publish the tables that are meant', c.pubname)
            else format('alter publication %I set table … where (…)', c.pubname) end as fix
from carried c
join pg_publication p on p.pubname = c.pubname
group by c.pubname, p.puballtables
order by 1;
