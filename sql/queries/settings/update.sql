-- $2: the versions the caller accepts, null for any. Null leaves a key as it is.
-- $2 versions bigint[] = null
-- $3 language text = null
-- $4 time_zone text = null
-- $5 currency text = 'USD'
-- $6 week_starts text = null
-- $7 low_stock_threshold integer = null
update tenant.settings
set language            = coalesce($3, language),
    time_zone           = coalesce($4, time_zone),
    currency            = coalesce($5, currency),
    week_starts         = coalesce($6, week_starts),
    low_stock_threshold = coalesce($7, low_stock_threshold)
where tenant_id = $1 and ($2::bigint[] is null or version = any ($2))
returning language, time_zone, currency, week_starts, low_stock_threshold, updated_at, version
