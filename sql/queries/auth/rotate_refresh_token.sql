select outcome, whose, session, tenant, sealed
from registry.rotate_refresh_token($1, $2, $3, ($4::text)::interval, $5)
