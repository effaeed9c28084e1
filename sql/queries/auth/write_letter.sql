select registry.write_letter($1, $2, $3, $4, $5)
