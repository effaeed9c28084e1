select registry.authenticate_again($1, $2, $3, $4, $5) as outcome
