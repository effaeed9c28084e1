select registry.sign_up($1, $2, $3, $4, $5, $6, ($7::text)::interval, $8, $9, $10, $11, $12) as outcome
