-- The planner's statistics are made of every tenant's values, and its estimates are anybody's to ask for: bounds of a histogram
-- tell addresses and names, one EXPLAIN after the other. Of these columns none are made any more. What was made before goes
-- with the next run of sql/bootstrap.sql, which a superuser runs.
do $$
declare
    one record;
begin
    for one in
        select c.oid::regclass as relation, a.attname
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind = 'r' and a.atttypid in ('text'::regtype, 'bytea'::regtype)
          and (c.relnamespace = 'registry'::regnamespace and c.relname in (
                   'users', 'sessions', 'refresh_tokens', 'mail_tokens', 'totp', 'recovery_codes', 'attempts', 'account_events',
                   'seal_keys', 'idempotency_keys')
               and a.attname not in ('kind', 'purpose')
               or c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace)
               and a.attname ~ '(^|_)(email|full_name|address|token|secret|hash|challenge|hint)(_|$)')
    loop
        execute format('alter table %s alter column %I set statistics 0', one.relation, one.attname);
    end loop;
end
$$;
alter table registry.sessions alter column id set statistics 0;
alter table registry.refresh_tokens alter column session_id set statistics 0;
