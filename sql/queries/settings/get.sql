select language, time_zone, currency, week_starts, low_stock_threshold, updated_at, version
from tenant.settings
where tenant_id = $1
