-- When something is due next at an endpoint; of one that is told in order ($3), when its first is.
select case when $3 then
           (select next_at from tenant.webhook_deliveries
            where tenant_id = $1 and endpoint_id = $2 and state = 'waiting' order by id limit 1)
       else
           (select min(next_at) from tenant.webhook_deliveries
            where tenant_id = $1 and endpoint_id = $2 and state = 'waiting')
       end as next_at
