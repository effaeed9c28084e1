-- What came of a try, unless somebody has had it begun with once more meanwhile: delivered, or tried again after $4 seconds, or, where that is null, given up.
update tenant.webhook_deliveries
set state = case when $5::text is null then 'delivered' when $4::float8 is null then 'failed' else 'waiting' end,
    attempts = $3, next_at = clock_timestamp() + make_interval(secs => coalesce($4::float8, 0)), last_error = $5, last_status = $6,
    finished_at = case when $5::text is null or $4::float8 is null then clock_timestamp() end
where tenant_id = $1 and id = $2 and state = 'waiting' and attempts = $3::smallint - 1
