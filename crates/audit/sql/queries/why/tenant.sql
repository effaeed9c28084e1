select id::text as id from registry.tenants where id::text = lower($1) or slug = $1
