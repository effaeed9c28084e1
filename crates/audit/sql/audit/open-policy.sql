-- id: open-policy
-- severity: error
-- finds: a policy that lets a role read, or find to change, rows of other tenants
-- why: permissive policies are OR-ed: one that does not ask whose row it is opens the table, whatever the
--   others say, unless a restrictive policy keeps to the tenant.
-- mend: add a restrictive policy: tenant column = (select current_setting(...)::type), for all commands; or mend the policy named.

-- Policies are judged by the program, which leaves its verdicts in audit.verdicts. In psql, before scope.psql:
--   \set verdicts `rowhouse audit --verdicts --database-url …`
select v."table" || '.' || quote_ident(v.policy) as object,
       string_agg(distinct v.command || case v.clause when 'check' then ' (rows written)' else '' end, ', ')
           || ' by ' || string_agg(distinct v.role, ', ') || ': rows of other tenants pass ' || min(v.expression) as detail,
       null as fix
from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
     as v ("table" text, role text, command text, clause text, verdict text, hole text, policy text, expression text)
where v.verdict = 'open' and v.hole in ('no-tenant', 'always') and v.clause = 'using'
  and (v.command = 'select' or exists (
      select from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
                  as s ("table" text, role text, command text, clause text, verdict text, policy text)
      where s."table" = v."table" and s.role = v.role and s.command = 'select' and s.verdict = 'open' and s.policy = v.policy))
group by v."table", v.policy
order by 1;
