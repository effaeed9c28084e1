-- id: setting-mismatch
-- severity: error
-- finds: a policy that compares the tenant with another setting than the one that is set
-- why: a misspelt name is a setting of its own: the wall follows whatever happens to be in it, and
--   not the tenant of the transaction.
-- mend: name the setting that the application sets, or say --setting if it is this one.

-- Policies are judged by the program, which leaves its verdicts in audit.verdicts. In psql, before scope.psql:
--   \set verdicts `rowhouse audit --verdicts --database-url …`
select v."table" || '.' || quote_ident(v.policy) as object,
       string_agg(distinct v.command || case v.clause when 'check' then ' (rows written)' else '' end, ', ')
           || ' by ' || string_agg(distinct v.role, ', ') || ': asks another setting: ' || min(v.expression) as detail,
       null as fix
from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
     as v ("table" text, role text, command text, clause text, verdict text, hole text, policy text, expression text)
where v.verdict = 'open' and v.hole = 'other-setting'
group by v."table", v.policy
order by 1;
