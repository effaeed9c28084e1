-- Trigger, not a door: runs with the caller's rights. Every change gets a new version and time, so an
-- ETag can be trusted whoever wrote the row; neither column is granted to anyone. An update that leaves
-- every value as it was is no change.
create or replace function registry.keep_version() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    -- By its name: whoever changes their own account may not look into schema tenant.
    if tg_table_schema = 'tenant' and tg_table_name = 'products' then
        -- Columns that are worked out from others are null in NEW until they have been.
        old.in_stock := null;
        old.created_at := null;
    end if;
    if new is distinct from old then
        new.version := old.version + 1;
        new.updated_at := now();
    end if;
    return new;
end
$$;
alter function registry.keep_version() owner to rowhouse_owner;
revoke all on function registry.keep_version() from public;
