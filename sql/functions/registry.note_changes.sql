-- Trigger with its owner's rights, after each statement that changes a table: what was kept of the tenant is out of date
-- (docs/adr/0015), and what happened is told (docs/adr/0026), in the transaction of the change. A trigger says
--   note_changes(part, type, permission, columns…)
-- part of the tenant of which answers are kept, or '' for none; type of event, or '' for none; the permission that whoever reads the
-- event must hold. Columns: one with a + before it is told with its value (an id, a version, a word of a vocabulary; never what
-- somebody wrote); of the others an update tells which have another value, and one that touched none of them is not told.
-- Where no column has a +, it is id and version that are told. The tables of change are called `before` and `after`.
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
    tellers uuid[];
    facts jsonb[];
    taken smallint;
    caller uuid := nullif(current_setting('app.user_id', true), '');
    key uuid := nullif(split_part(current_setting('app.api_key', true), '.', 1), '');
    job constant uuid := nullif(current_setting('app.job_id', true), '');
    -- Who acts in one tenant is nobody in another that the change reaches, as one that loses a domain to it: ids do not cross.
    here constant text := coalesce(current_setting('app.tenant_id', true), '');
    moment constant bigint := extract(epoch from clock_timestamp()) * 1000000;
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
        if here <> whose::text then
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
            -- For the version before, which reads a column a part: this goes with tenant.generations, a release later.
            select g.slot into taken from tenant.generations g where g.tenant_id = whose order by g.slot limit 1
            for update skip locked;
            update tenant.generations g
            set products = case when in_part = 'products' then gen_random_uuid() else g.products end,
                projects = case when in_part = 'projects' then gen_random_uuid() else g.projects end,
                tasks = case when in_part = 'tasks' then gen_random_uuid() else g.tasks end,
                members = case when in_part = 'members' then gen_random_uuid() else g.members end,
                settings = case when in_part = 'settings' then gen_random_uuid() else g.settings end
            where g.tenant_id = whose and g.slot = coalesce(taken, 1 + floor(random() * 8)::smallint);
        end loop;
    end if;
    if told = '' then
        return null;
    end if;
    -- Nobody else's doing is a job's.
    if job is not null and here <> '' and caller is null and key is null then
        select o.caller, o.key into caller, key from registry.on_behalf_of(here::uuid, job) o;
    end if;

    if tg_op = 'UPDATE' and by_values then
        select array_agg(j.tenant_id), array_agg(j.carried || jsonb_build_object('changed', j.changed)) into tellers, facts
        from (select j.tenant_id,
                     (select jsonb_object_agg(substr(n, 2), j.is_now -> substr(n, 2)) from unnest(tg_argv[3:]) n where starts_with(n, '+')) as carried,
                     (select jsonb_agg(n order by n) from unnest(tg_argv[3:]) n
                      where not starts_with(n, '+') and j.is_now -> n is distinct from j.was -> n) as changed
              from (select a.tenant_id, b.was, a.is_now
                    from (select c.tenant_id, to_jsonb(c) as is_now from after c offset 0) a
                    join (select c.tenant_id, to_jsonb(c) as was from before c offset 0) b
                      on b.tenant_id = a.tenant_id
                     and coalesce(b.was ->> 'id', b.was ->> 'user_id', '') = coalesce(a.is_now ->> 'id', a.is_now ->> 'user_id', '')
                    offset 0) j) j
        where j.changed is not null;
    elsif tg_op = 'UPDATE' then
        -- What has the same version has not changed; a row may be long, and is not looked at then.
        select array_agg(j.tenant_id), array_agg(jsonb_build_object('id', j.id, 'version', j.version, 'changed', j.changed)) into tellers, facts
        from (select j.tenant_id, j.id, j.version,
                     (select jsonb_agg(n order by n) from unnest(tg_argv[3:]) n where j.is_now -> n is distinct from j.was -> n) as changed
              from (select a.tenant_id, a.id, a.version, to_jsonb(a) as is_now, to_jsonb(b) as was
                    from after a join before b on b.tenant_id = a.tenant_id and b.id = a.id
                    where a.version <> b.version offset 0) j) j
        where j.changed is not null;
    elsif by_values and tg_op = 'INSERT' then
        select array_agg(j.tenant_id),
               array_agg((select jsonb_object_agg(substr(n, 2), j.is_now -> substr(n, 2)) from unnest(tg_argv[3:]) n where starts_with(n, '+')))
        into tellers, facts from (select c.tenant_id, to_jsonb(c) as is_now from after c offset 0) j;
    elsif by_values then
        select array_agg(j.tenant_id),
               array_agg((select jsonb_object_agg(substr(n, 2), j.was -> substr(n, 2)) from unnest(tg_argv[3:]) n where starts_with(n, '+')))
        into tellers, facts from (select c.tenant_id, to_jsonb(c) as was from before c offset 0) j;
    elsif tg_op = 'INSERT' then
        select array_agg(c.tenant_id), array_agg(jsonb_build_object('id', c.id, 'version', c.version)) into tellers, facts from after c;
    else
        select array_agg(c.tenant_id), array_agg(jsonb_build_object('id', c.id, 'version', c.version)) into tellers, facts from before c;
    end if;

    -- A UUIDv7 (RFC 9562 §6.2, method 3): the microsecond stands in it, so that what one transaction does in turn is in turn.
    insert into tenant.events (tenant_id, epoch, id, type, permission, actor_kind, actor_id, data)
    select e.tenant, (select t.epoch from registry.tenants t where t.id = e.tenant),
           (lpad(to_hex(moment / 1000), 12, '0') || '7' || lpad(to_hex(moment % 1000 * 4096 / 1000), 3, '0')
            || substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid,
           told, tg_argv[2],
           case when here not in ('', e.tenant::text) then 'none' when caller is not null then 'user' when key is not null then 'api_key' else 'none' end,
           case when here in ('', e.tenant::text) then coalesce(caller, key) end, e.fact
    from unnest(tellers, facts) e (tenant, fact);
    return null;
end
$$;
alter function registry.note_changes() owner to rowhouse_writers;
revoke all on function registry.note_changes() from public;
comment on function registry.note_changes() is
    'Nobody who serves may set a generation or say that something happened; which tenants have changed, and what, the changed rows say.';
