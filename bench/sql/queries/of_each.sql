-- Some projects of every tenant, the same ones in every run, and of a large one some from everywhere.
select tenant_id, id
from (select tenant_id, id, row_number() over (partition by tenant_id order by id) as n from tenant.projects) p
where n % 20 = 5
order by n > 100, md5(id::text)
limit 20000
