-- As the migrator. No row says that every slug is taken.
select slug
from registry.users u, lateral registry.found_tenant(u.id, u.email, u.full_name, $2, $3, $4, $5) as slug
where u.email = $1 and u.active and slug is not null
