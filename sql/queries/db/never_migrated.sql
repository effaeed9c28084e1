select 'never migrated' as complaint
where not exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'audit' and c.relname = 'posture'
)
