-- As the migrator. $1 is a slug or an id.
select registry.draft_invoice(t.id, null, 'manual', $2, null, null, $3, 'invoice', null, $4) as id
from registry.tenants t
where t.id = (select n.id from registry.tenants n where n.slug = $1 or n.id::text = $1 order by n.id::text = $1 desc limit 1)
