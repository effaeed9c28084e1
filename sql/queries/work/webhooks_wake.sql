-- Somebody sends to these endpoints from $4 on, or now where that is null: the job that waits for it is brought forward, and where none waits
-- there is one. $3 has an id for each, $5 how often it is tried. The endpoints are held (work/webhooks_hold).
with asked as (
    select e.id as endpoint_id, e.job_id, 'webhooks/' || e.id as order_key from unnest($2::uuid[], $3::uuid[]) e (id, job_id)
), woken as (
    update tenant.jobs j
    set run_at = least(j.run_at, coalesce($4::timestamptz, clock_timestamp()))
    from asked a
    where j.tenant_id = $1 and j.order_key = a.order_key and j.kind = 'webhooks.deliver' and j.state = 'waiting'
    returning j.order_key
)
insert into tenant.jobs (tenant_id, id, kind, payload, order_key, run_at, max_attempts)
select $1, a.job_id, 'webhooks.deliver', jsonb_build_object('endpoint', a.endpoint_id), a.order_key,
       coalesce($4::timestamptz, clock_timestamp()), $5::smallint
from asked a
where a.order_key not in (select w.order_key from woken w)
