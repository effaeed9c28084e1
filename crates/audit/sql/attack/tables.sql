-- The tables with a tenant column, those named besides, and, upwards, every table their foreign keys lead to.
with recursive wanted as (
    select unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as oid
    union
    select to_regclass(name)::oid from unnest(string_to_array(current_setting('audit.more'), ',')) as name where to_regclass(name) is not null
    union
    select f.confrelid from wanted join pg_constraint f on f.conrelid = wanted.oid and f.contype = 'f'
)
select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, n.nspname || '.' || c.relname as plain,
       c.relispartition as partition,
       (select a.attname
        from pg_attribute a
        join unnest(string_to_array(current_setting('audit.columns'), ',')) with ordinality as named (name, place) on named.name = a.attname
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by named.place limit 1) as tenant,
       exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgdeferrable) as deferred_trigger
from wanted
join pg_class c on c.oid = wanted.oid
join pg_namespace n on n.oid = c.relnamespace
order by name;
