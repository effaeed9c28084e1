-- Projects of one large tenant, the first, and of all others, as a superuser, in one transaction: bench.large and bench.each
-- say how many. A hundredth of all at a time, so that they lie side by side, as in life.
create function pg_temp.id(n bigint) returns uuid language sql immutable as $$
    select (lpad(to_hex(1750000000000 + n), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15))::uuid
    from md5(n::text) as noise
$$;

with tenants as (select id, row_number() over (order by id) as n from registry.tenants),
     sizes as (
         select id, n, case when n = 1 then current_setting('bench.large')::bigint else current_setting('bench.each')::bigint end as size
         from tenants
     ),
     wanted as (
         select s.id as tenant_id, s.n, step, p
         from generate_series(0, 99) step, sizes s, generate_series(s.size * step / 100 + 1, s.size * (step + 1) / 100) p
     )
insert into tenant.projects (tenant_id, id, name, description, status, owner_id)
select tenant_id, pg_temp.id(row_number() over (order by step, p, n)),
       format('%s %s %s', (array['Amber', 'Brisk', 'Calm', 'Distant', 'Early'])[1 + p % 5],
              (array['Atlas', 'Bridge', 'Compass', 'Delta', 'Engine', 'Forge', 'Garden'])[1 + p % 7], p),
       case when p % 3 <> 0 then format('What project %s is for.', p) end,
       (array['active', 'planned', 'paused', 'completed', 'archived'])[1 + p % 7 % 5],
       tenant_id
from wanted
order by step, p, n;
