-- Trigger with its owner's rights, after each statement that changes a table: what was kept of the tenant is out of date
-- (docs/adr/0015), who did what is written down (docs/adr/0037), and what happened is told (docs/adr/0026), in the transaction of the change. A trigger says
--   note_changes(part, type, permission, columns…)
-- part of the tenant of which answers are kept, or '' for none; type of event, or '' for none; the permission that whoever reads the
-- event must hold. Columns: one with a + before it is told with its value (an id, a version, a word of a vocabulary; never what
-- somebody wrote); of the others an update tells which have another value, and one that touched none of them is not told.
-- Where no column has a +, it is id and version that are told. The tables of change are called `before` and `after`.
-- Every change is written down, told or not, but for the columns of registry.unrecorded_columns, and registry.masked_columns without what they hold.
-- Why with rights of its own: nobody who serves may set a generation, or what was kept of an older one would count again, nor
-- say that something happened which did not. It is no door, nobody can call it; which tenants, the rows say that have changed.
-- Without nested loops, since a plan is kept that was made for one row and may have thousands to match the next time; and with one plan,
-- or each use would be planned anew, since one row looks cheaper than however many there may be.
create or replace function registry.note_changes() returns trigger
    language plpgsql security definer set search_path = '' set enable_nestloop = off set plan_cache_mode = force_generic_plan
as $$
declare
    in_part constant text := tg_argv[0];
    told constant text := tg_argv[1];
    by_values constant boolean := coalesce(starts_with(tg_argv[3], '+'), false);
    whose uuid;
    tenants uuid[];
    -- Of each row that has changed: its tenant, what is told of it, its id, and what is written down; null where nothing is.
    tellers uuid[];
    facts jsonb[];
    objects uuid[];
    befores jsonb[];
    afters jsonb[];
    present bigint;
    caller uuid := nullif(current_setting('app.user_id', true), '');
    key uuid := nullif(split_part(current_setting('app.api_key', true), '.', 1), '');
    job constant uuid := nullif(current_setting('app.job_id', true), '');
    -- Who acts in one tenant is nobody in another that the change reaches, as one that loses a domain to it: ids do not cross.
    here constant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    moment constant bigint := extract(epoch from clock_timestamp()) * 1000000;
    -- How a UUIDv7 begins (RFC 9562 §6.2, method 3): the microsecond stands in it, so that what one transaction does in turn is in turn.
    begins constant text := lpad(to_hex(moment / 1000), 12, '0') || '7' || lpad(to_hex(moment % 1000 * 4096 / 1000), 3, '0');
    -- Of a person or a key only rowhouse_api is believed, whose policies have asked about them. A worker acts for its job; whoever comes to the gate
    -- is nobody but in their own membership.
    acts constant text := case
        when session_user = 'rowhouse_api' then case when caller is not null then 'user' when key is not null then 'api_key' else 'none' end
        when session_user = 'rowhouse_gate' then 'none'
        when session_user = 'rowhouse_worker' and job is not null then 'job' else 'system' end;
    acting constant uuid := case acts when 'user' then caller when 'api_key' then key when 'job' then job end;
    session constant uuid := case when acts = 'user' then registry.session_handle(nullif(current_setting('app.session_id', true), '')::uuid) end;
    -- The request's id and where it came from, as whoever serves says, if they look like that.
    request constant text := left(current_setting('app.request', true), 80);
    request_id constant text := substring(split_part(request, ' ', 1) from '^[0-9a-f]{32}$');
    came_from constant text := substring(split_part(request, ' ', 2) from '^[0-9a-fA-F.:]{2,45}$');
    unrecorded constant text[] := registry.unrecorded_columns(tg_table_name);
    masks constant text[] := registry.masked_columns();
begin
    if tg_op = 'DELETE' then
        select array_agg(distinct c.tenant_id) into tenants from before c;
    else
        select array_agg(distinct c.tenant_id) into tenants from after c;
    end if;
    if tenants is null then
        return null;
    end if;

    -- Whoever writes in a tenant's own transaction says so once it is committed (docs/adr/0033). Of what reaches a tenant from outside, as an invitation
    -- that is accepted, a domain that another proves, or psql, nobody would say anything. The statement, which asks for no right.
    foreach whose in array tenants loop
        if here is distinct from whose then
            execute format('notify rowhouse_wake, %L', whose);
        end if;
    end loop;

    if in_part <> '' then
        foreach whose in array tenants loop
            -- One that nobody else is writing, or that this transaction has written before.
            update tenant.part_generations g set generation = gen_random_uuid()
            where g.tenant_id = whose and g.part = in_part
              and g.slot = (select f.slot from tenant.part_generations f where f.tenant_id = whose and f.part = in_part
                            order by f.slot limit 1 for update skip locked);
            if not found then
                -- Another one, of a number that nobody else is making just now: whoever did would be waited for.
                insert into tenant.part_generations (tenant_id, part, slot)
                values (whose, in_part, 1 + floor(random() * 2147483646)::integer);
            end if;
        end loop;
    end if;
    -- Nobody else's doing is a job's.
    if job is not null and here is not null and caller is null and key is null then
        select o.caller, o.key into caller, key from registry.on_behalf_of(here, job) o;
    end if;

    if tg_op = 'UPDATE' and (by_values or told = '') then
        select array_agg(j.tenant_id), array_agg(j.carried || jsonb_build_object('changed', j.changed)),
               array_agg(j.object), array_agg(j.differs -> 0), array_agg(j.differs -> 1)
        into tellers, facts, objects, befores, afters
        from (select d.tenant_id, d.object, d.differs,
                     (select jsonb_object_agg(substr(n, 2), d.is_now -> substr(n, 2)) from unnest(tg_argv[3:]) n where starts_with(n, '+')) as carried,
                     (select jsonb_agg(n order by n) from unnest(tg_argv[3:]) n where d.differs -> 1 ? n) as changed
              from (select a.tenant_id, a.is_now, coalesce(a.is_now ->> 'id', a.is_now ->> 'user_id')::uuid as object,
                           (select jsonb_build_array(jsonb_object_agg(v.key, b.was -> v.key), jsonb_object_agg(v.key, v.value))
                            from jsonb_each(a.is_now - unrecorded) v where v.value is distinct from b.was -> v.key having count(*) > 0) as differs
                    from (select c.tenant_id, to_jsonb(c) as is_now from after c offset 0) a
                    join (select c.tenant_id, to_jsonb(c) as was from before c offset 0) b
                      on b.tenant_id = a.tenant_id
                     and coalesce(b.was ->> 'id', b.was ->> 'user_id', '') = coalesce(a.is_now ->> 'id', a.is_now ->> 'user_id', '')
                    offset 0) d
              where d.differs is not null) j;
    elsif tg_op = 'UPDATE' then
        -- What has the same version has not changed; a row may be long, and is not looked at then.
        select array_agg(j.tenant_id), array_agg(jsonb_build_object('id', j.id, 'version', j.version, 'changed', j.changed)),
               array_agg(j.id), array_agg(j.differs -> 0), array_agg(j.differs -> 1)
        into tellers, facts, objects, befores, afters
        from (select d.tenant_id, d.id, d.version, d.differs,
                     (select jsonb_agg(n order by n) from unnest(tg_argv[3:]) n where d.differs -> 1 ? n) as changed
              from (select c.tenant_id, c.id, c.version,
                           (select jsonb_build_array(jsonb_object_agg(v.key, c.was -> v.key), jsonb_object_agg(v.key, v.value))
                            from jsonb_each(c.is_now - unrecorded) v where v.value is distinct from c.was -> v.key having count(*) > 0) as differs
                    from (select a.tenant_id, a.id, a.version, to_jsonb(a) as is_now, to_jsonb(b) as was
                          from after a join before b on b.tenant_id = a.tenant_id and b.id = a.id
                          where a.version <> b.version offset 0) c
                    offset 0) d
              where d.differs is not null) j;
    elsif tg_op = 'INSERT' then
        select array_agg(j.tenant_id), array_agg(case when by_values
                   then (select jsonb_object_agg(substr(n, 2), j.is_now -> substr(n, 2)) from unnest(tg_argv[3:]) n where starts_with(n, '+'))
                   else jsonb_build_object('id', j.is_now -> 'id', 'version', j.is_now -> 'version') end),
               array_agg(coalesce(j.is_now ->> 'id', j.is_now ->> 'user_id')::uuid), array_agg(jsonb_strip_nulls(j.is_now - unrecorded))
        into tellers, facts, objects, afters from (select c.tenant_id, to_jsonb(c) as is_now from after c offset 0) j;
    else
        select array_agg(j.tenant_id), array_agg(case when by_values
                   then (select jsonb_object_agg(substr(n, 2), j.was -> substr(n, 2)) from unnest(tg_argv[3:]) n where starts_with(n, '+'))
                   else jsonb_build_object('id', j.was -> 'id', 'version', j.was -> 'version') end),
               array_agg(coalesce(j.was ->> 'id', j.was ->> 'user_id')::uuid), array_agg(jsonb_strip_nulls(j.was - unrecorded))
        into tellers, facts, objects, befores from (select c.tenant_id, to_jsonb(c) as was from before c offset 0) j;
    end if;
    if tellers is null then
        return null;
    end if;

    -- Once, where all rows are of one tenant.
    if cardinality(tenants) = 1 then
        select t.epoch into present from registry.tenants t where t.id = tenants[1];
    end if;
    insert into tenant.audit_log (tenant_id, epoch, id, actor_kind, actor_id, on_behalf_of, session_id, request_id, address,
                                  action, object_type, object_id, before, after)
    select w.tenant, coalesce(present, (select t.epoch from registry.tenants t where t.id = w.tenant)),
           (begins || substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid,
           case when w.themselves then 'user' when w.elsewhere then 'none' else acts end,
           case when w.themselves then caller when not w.elsewhere then acting end,
           case when acts = 'job' and not w.elsewhere then coalesce(caller, key) end,
           case when not w.elsewhere then session end,
           case when not w.elsewhere then request_id end,
           case when not w.elsewhere then came_from end,
           case when told <> '' then told
                else tg_table_name || case tg_op when 'INSERT' then '.created' when 'UPDATE' then '.updated' else '.deleted' end end,
           tg_table_name, w.object,
           case when w.was ?| masks or pg_column_size(w.was) > 4096 then registry.recorded_values(w.was) else w.was end,
           case when w.is_now ?| masks or pg_column_size(w.is_now) > 4096 then registry.recorded_values(w.is_now) else w.is_now end
    from (select u.*, coalesce(here <> u.tenant, false) as elsewhere,
                 here is null and session_user = 'rowhouse_gate' and tg_table_name = 'memberships' and u.object = caller as themselves
          from unnest(tellers, objects, befores, afters) u (tenant, object, was, is_now)) w;
    if told = '' then
        return null;
    end if;

    insert into tenant.events (tenant_id, epoch, id, type, permission, actor_kind, actor_id, data)
    select e.tenant, coalesce(present, (select t.epoch from registry.tenants t where t.id = e.tenant)),
           (begins || substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid,
           told, tg_argv[2],
           case when here <> e.tenant then 'none' when caller is not null then 'user' when key is not null then 'api_key' else 'none' end,
           case when coalesce(here = e.tenant, true) then coalesce(caller, key) end, e.fact
    from unnest(tellers, facts) e (tenant, fact)
    where tg_op <> 'UPDATE' or e.fact -> 'changed' <> 'null';
    return null;
end
$$;
alter function registry.note_changes() owner to rowhouse_writers;
revoke all on function registry.note_changes() from public;
comment on function registry.note_changes() is
    'Nobody who serves may set a generation or say that something happened; which tenants have changed, and what, the changed rows say.';
