-- For migrations, in one line: adds a permission, and gives it to the built-in roles of these names, in every tenant there is
-- and in those to come. Runs with the caller's rights, so the migration says `set local role rowhouse_migrator` before;
-- whoever may not see every tenant's roles is refused. Made before the migrations are applied.
create or replace function registry.give(permission text, meaning text, roles text[]) returns void
    language plpgsql set search_path = ''
as $$
declare
    unknown text;
begin
    if not (select r.rolbypassrls or r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) then
        raise exception 'behind the walls % would give nothing to anybody', permission
            using hint = 'set local role rowhouse_migrator';
    end if;
    if coalesce(cardinality(roles), 0) = 0 then
        raise exception 'no role is given %', permission using hint = 'name one at least: array[''owner'']';
    end if;
    select one.name into unknown from unnest(roles) as one (name)
    where not exists (select from registry.built_in_roles b where b.name = one.name);
    if unknown is not null then
        raise exception 'there is no built-in role %', unknown;
    end if;
    insert into registry.permissions (name, description) values (permission, meaning);
    update registry.built_in_roles b
    set permissions = (select array_agg(p order by p) from unnest(b.permissions || permission) p)
    where b.name = any (roles);
    update tenant.roles r
    set permissions = (select array_agg(distinct p order by p) from unnest(r.permissions || permission) p)
    where r.built_in and r.name = any (roles);
end
$$;
alter function registry.give(text, text, text[]) owner to rowhouse_owner;
revoke all on function registry.give(text, text, text[]) from public;
