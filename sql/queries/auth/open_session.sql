select outcome, expires_at
from registry.open_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ($11::text)::interval, ($12::text)::interval, $13, $14)
