select registry.change_email($1, $2, ($3::text)::interval) as free
