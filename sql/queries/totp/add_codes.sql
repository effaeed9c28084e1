-- $1 user uuid
-- $2 code_hashes bytea[]
insert into registry.recovery_codes (user_id, code_hash) select $1, h from unnest($2::bytea[]) as h
