-- Trigger, not a door: the roles every tenant starts with stay as they are. Whoever stands behind the wall is asked.
create or replace function registry.keep_built_in() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if old.built_in then
        raise exception using errcode = 'RH009', message = 'built-in role';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
alter function registry.keep_built_in() owner to rowhouse_owner;
revoke all on function registry.keep_built_in() from public;
