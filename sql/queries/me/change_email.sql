select registry.change_email($1, $2, ($3::text)::interval, $4) as free
