select name from tenant.roles where tenant_id::text = $1 and $2 = any (permissions) order by name
