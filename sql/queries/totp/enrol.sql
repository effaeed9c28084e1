-- One that was never confirmed is begun anew; a confirmed one stays.
-- $1 user uuid
-- $2 secret_sealed bytea
insert into registry.totp as t (user_id, secret_sealed) values ($1, $2)
on conflict (user_id) do update set secret_sealed = excluded.secret_sealed, created_at = now(), last_step = 0
    where t.confirmed_at is null
returning user_id
