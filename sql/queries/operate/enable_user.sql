update registry.users set active = true where email = $1 returning id
