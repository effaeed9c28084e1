-- Not a door, nobody may call it but doors: whether a second factor was given where one is asked for, spent in
-- the same step. A time step is good once (RFC 6238 §5.2), a recovery code is good once. Which step a code
-- belongs to is judged by the server, which alone can open the secret.
create or replace function registry.spend_second_factor(whose uuid, step bigint, recovery_hash bytea) returns boolean
    language plpgsql set search_path = ''
as $$
begin
    if not exists (select from registry.totp t where t.user_id = whose and t.confirmed_at is not null) then
        return true;
    end if;
    if recovery_hash is not null then
        delete from registry.recovery_codes c where c.user_id = whose and c.code_hash = recovery_hash;
        if found then
            insert into registry.account_events (user_id, kind) values (whose, 'recovery_code_used');
            return true;
        end if;
    end if;
    update registry.totp t set last_step = step where t.user_id = whose and t.last_step < step
      -- No step of a day that is yet to come: it would use up all that lie before it.
      and step < extract(epoch from now()) / 30 + 2880;
    return found;
end
$$;
alter function registry.spend_second_factor(uuid, bigint, bytea) owner to rowhouse_owner;
revoke all on function registry.spend_second_factor(uuid, bigint, bytea) from public;
grant execute on function registry.spend_second_factor(uuid, bigint, bytea) to rowhouse_identity;
