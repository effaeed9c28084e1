-- Trigger, not a door: a member writes their own name under what they begin, or none. Who began it is told what became of
-- it, so another's name would be a way to tell others things.
create or replace function registry.check_author() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if new.created_by is distinct from nullif(current_setting('app.user_id'), '')::uuid then
        raise exception using errcode = 'insufficient_privilege', message = 'not in another''s name';
    end if;
    return new;
end
$$;
alter function registry.check_author() owner to rowhouse_owner;
revoke all on function registry.check_author() from public;
