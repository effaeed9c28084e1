-- A product of every tenant that has any.
select distinct on (tenant_id) tenant_id, id from tenant.products order by tenant_id, id
