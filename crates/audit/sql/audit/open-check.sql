-- id: open-check
-- severity: error
-- finds: a policy that lets a role write rows into another tenant
-- why: WITH CHECK judges the row as it will be. Where it does not keep to the tenant, rows are planted in, or
--   moved to, another tenant.
-- mend: give the policy a WITH CHECK that keeps to the tenant, or add a restrictive policy for all commands.

-- Policies are judged by the program, which leaves its verdicts in audit.verdicts. In psql, before scope.psql:
--   \set verdicts `rowhouse audit --verdicts --database-url …`
select v."table" || '.' || quote_ident(v.policy) as object,
       string_agg(distinct v.command || case v.clause when 'check' then ' (rows written)' else '' end, ', ')
           || ' by ' || string_agg(distinct v.role, ', ') || ': the row may carry any tenant: ' || min(v.expression) as detail,
       null as fix
from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
     as v ("table" text, role text, command text, clause text, verdict text, hole text, policy text, expression text)
where v.verdict = 'open' and v.hole in ('no-tenant', 'always') and v.clause = 'check'
group by v."table", v.policy
order by 1;
