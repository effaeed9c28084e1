-- $2 user uuid = {tickets.user_id}
-- $3 api_key uuid = null
-- $4 id uuid = gen_random_uuid()
insert into tenant.tickets (tenant_id, user_id, api_key_id, id)
values ($1, $2, $3, $4)
