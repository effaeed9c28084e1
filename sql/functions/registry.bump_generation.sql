-- Trigger with its owner's rights: a part of a tenant (tg_argv[0], a column of tenant.generations) has another generation
-- from the moment its change is committed.
-- Why with rights of its own: nobody who serves may set a generation, or what was kept of an older one would count again.
-- It is no door, nobody can call it; which tenants, the rows say that have changed.
create or replace function registry.bump_generation() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    part constant text := tg_argv[0];
    whose uuid;
    taken smallint;
begin
    for whose in select distinct c.tenant_id from changed c loop
        -- One that nobody else is writing, or that this transaction has written before. Where others are writing all
        -- eight, any: its writer is waited for.
        select g.slot into taken from tenant.generations g where g.tenant_id = whose order by g.slot limit 1
        for update skip locked;
        update tenant.generations g
        set products = case when part = 'products' then gen_random_uuid() else g.products end,
            projects = case when part = 'projects' then gen_random_uuid() else g.projects end,
            tasks = case when part = 'tasks' then gen_random_uuid() else g.tasks end,
            members = case when part = 'members' then gen_random_uuid() else g.members end,
            settings = case when part = 'settings' then gen_random_uuid() else g.settings end
        where g.tenant_id = whose and g.slot = coalesce(taken, 1 + floor(random() * 8)::smallint);
        -- One that was made after the migration that made the table and before this trigger was there.
        if not found then
            insert into tenant.generations (tenant_id, slot) select whose, s.slot from generate_series(1, 8) s (slot)
            on conflict do nothing;
        end if;
    end loop;
    return null;
end
$$;
alter function registry.bump_generation() owner to rowhouse_writers;
revoke all on function registry.bump_generation() from public;
comment on function registry.bump_generation() is
    'Nobody who serves may set a generation; which tenants have changed, the changed rows say.';
