-- Products for every tenant, as a superuser, in one transaction. bench.products says how many, altogether.
insert into tenant.products (tenant_id, id, name, description, sku, price_minor, currency, stock)
select t.id,
       (lpad(to_hex(1760000000000 + p), 12, '0') || '7' || substr(md5(p::text), 1, 3) || '8' || substr(md5(p::text), 4, 15))::uuid,
       format('%s %s %s', (array['Brass', 'Oak', 'Linen', 'Glass', 'Steel'])[1 + p % 5],
              (array['lamp', 'table', 'curtain', 'bowl', 'shelf', 'chair', 'clock'])[1 + p % 7], p),
       format('What product %s is made of.', p),
       'P-' || p, 100 + p % 10000, 'EUR', p % 50
from (select id, row_number() over (order by id) - 1 as n, count(*) over () as tenants from registry.tenants) t
join generate_series(1, current_setting('bench.products')::int) p on p % t.tenants = t.n
order by p;
insert into tenant.generations (tenant_id, slot)
select t.id, s.slot from registry.tenants t cross join generate_series(1, 8) s (slot) on conflict do nothing;
