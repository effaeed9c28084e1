-- Trigger, not a door: runs with the caller's rights. Every change gets a new version and time, so an
-- ETag can be trusted whoever wrote the row; neither column is granted to anyone.
create or replace function registry.keep_version() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    new.version := old.version + 1;
    new.updated_at := now();
    return new;
end
$$;
alter function registry.keep_version() owner to rowhouse_owner;
revoke all on function registry.keep_version() from public;
