-- A try to sign in is counted, and unless it has to wait, whose account it is: the second function is not called otherwise.
select a.wide, a.narrow, a.turn, a.counters, l.user_id, l.password_hash, l.may_sign_in, l.totp_sealed
from registry.attempt($1, $2) a
left join lateral (
    select f.user_id, f.password_hash, f.may_sign_in, f.totp_sealed
    from registry.find_login($3, $4) f
    where a.wide = 0 and a.narrow = 0 and $3 is not null
    offset 0
) l on true
