-- Trigger, not a door: runs with the rights of whoever asks. A version of a plan says for ever what it said when it was made, prices
-- included: a tenant is on it, or was, and invoices name it. What may change is whether it is chosen, begun with, or retired.
create or replace function registry.keep_plan() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if tg_op = 'DELETE' then
        raise exception using errcode = '23001', message = format('version %s of plan %s stays', old.version, old.code),
            hint = 'retire it: rowhouse plan retire';
    elsif tg_table_name = 'plan_prices'
        or to_jsonb(new) - array['listed', 'is_default', 'retired_at'] <> to_jsonb(old) - array['listed', 'is_default', 'retired_at'] then
        raise exception using errcode = '23001', message = format('version %s of plan %s is never rewritten', old.version, old.code),
            hint = 'make another version: rowhouse plan add';
    end if;
    return new;
end
$$;
alter function registry.keep_plan() owner to rowhouse_owner;
revoke all on function registry.keep_plan() from public;
