-- $2 id uuid = {registry.domains.id}
delete from registry.domains where tenant_id = $1 and id = $2 returning domain
