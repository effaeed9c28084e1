-- One row: the caller's account, and their second factor if there is one.
select u.email, t.secret_sealed, t.confirmed_at is not null as confirmed
from registry.users u left join registry.totp t on t.user_id = u.id
