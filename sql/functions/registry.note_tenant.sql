-- Trigger with its owner's rights, after a change of a tenant's own row: tells what has changed of it and writes down who did it, in the transaction of
-- the change, as registry.note_changes does of rows that belong to a tenant. Its arguments are the same; of the columns it tells which have another value.
-- Those are written down with their values.
-- Why with rights of its own: nobody who serves may say that something happened which did not. It is no door, nobody can call it.
create or replace function registry.note_tenant() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    changed constant jsonb := (select jsonb_agg(n order by n) from unnest(tg_argv[3:]) n where to_jsonb(new) -> n is distinct from to_jsonb(old) -> n);
    caller constant uuid := nullif(current_setting('app.user_id', true), '');
    key constant uuid := nullif(split_part(current_setting('app.api_key', true), '.', 1), '');
    -- Who acts in one tenant is nobody in another.
    elsewhere constant boolean := coalesce(nullif(current_setting('app.tenant_id', true), '')::uuid <> new.id, false);
    moment constant bigint := extract(epoch from clock_timestamp()) * 1000000;
    job constant uuid := nullif(current_setting('app.job_id', true), '');
    acts constant text := case
        when session_user = 'rowhouse_api' then case when elsewhere then 'none' when caller is not null then 'user' when key is not null then 'api_key' else 'none' end
        when session_user = 'rowhouse_gate' then 'none'
        when session_user = 'rowhouse_worker' and job is not null and not elsewhere then 'job' else 'system' end;
    request constant text := left(current_setting('app.request', true), 80);
    begins constant text := lpad(to_hex(moment / 1000), 12, '0') || '7' || lpad(to_hex(moment % 1000 * 4096 / 1000), 3, '0');
begin
    if changed is null then
        return null;
    end if;
    insert into tenant.audit_log (tenant_id, epoch, id, actor_kind, actor_id, session_id, request_id, address, action, object_type, object_id, before, after)
    select new.id, new.epoch, (begins || substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid, acts,
           case acts when 'user' then caller when 'api_key' then key when 'job' then job end,
           case when acts = 'user' then registry.session_handle(nullif(current_setting('app.session_id', true), '')::uuid) end,
           case when not elsewhere then substring(split_part(request, ' ', 1) from '^[0-9a-f]{32}$') end,
           case when not elsewhere then substring(split_part(request, ' ', 2) from '^[0-9a-fA-F.:]{2,45}$') end,
           case when tg_argv[1] <> '' then tg_argv[1] else 'tenant.updated' end, tg_table_name, new.id,
           jsonb_object_agg(n, to_jsonb(old) -> n), jsonb_object_agg(n, to_jsonb(new) -> n)
    from jsonb_array_elements_text(changed) n;
    if tg_argv[1] = '' then
        return null;
    end if;
    insert into tenant.events (tenant_id, epoch, id, type, permission, actor_kind, actor_id, data)
    values (new.id, new.epoch,
            (begins || substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid,
            tg_argv[1], tg_argv[2],
            case when elsewhere then 'none' when caller is not null then 'user' when key is not null then 'api_key' else 'none' end,
            case when not elsewhere then coalesce(caller, key) end,
            jsonb_build_object('id', new.id, 'version', new.version, 'changed', changed));
    return null;
end
$$;
alter function registry.note_tenant() owner to rowhouse_writers;
revoke all on function registry.note_tenant() from public;
comment on function registry.note_tenant() is
    'Nobody who serves may say that something happened; what has changed of a tenant''s own row, that row says.';
