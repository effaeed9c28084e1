-- As the migrator. Newest first; of a tenant (slug or id), in a status, where that is said; one, where its id or number is.
select t.slug as tenant, i.id, i.kind, i.status, i.number, i.currency, i.total_minor, i.settled_minor, i.credited_minor, i.issued_at, i.due_at
from tenant.invoices i join registry.tenants t on t.id = i.tenant_id
where ($1::text is null or t.slug = $1 or t.id::text = $1) and ($2::text is null or i.status = $2)
  and ($3::text is null or i.id::text = $3 or i.number = $3)
order by i.id desc
limit $4
