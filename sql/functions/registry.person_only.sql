-- Trigger, not a door: API keys are made, changed and rotated by people. A key that could would outlive its own expiry.
create or replace function registry.person_only() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if current_setting('app.user_id') = '' then
        raise exception using errcode = 'RH018', message = 'a person';
    end if;
    return new;
end
$$;
alter function registry.person_only() owner to rowhouse_owner;
revoke all on function registry.person_only() from public;
