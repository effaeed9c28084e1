-- What a new password is measured by. The time of authentication is asked here, too, before a hash is made.
select u.email, u.full_name,
       exists (select from registry.totp t where t.user_id = u.id and t.confirmed_at is not null) as second_factor
from registry.users u
where u.id = registry.signed_in(within => interval '10 minutes')
