-- One row, because the wall on registry.users lets through one.
select u.id, u.email, u.full_name, u.created_at, u.updated_at, u.version,
       exists (select from registry.totp t where t.user_id = u.id and t.confirmed_at is not null) as second_factor
from registry.users u
