-- After each migration: a permission that no role holds is one that nobody can be given, and one that only tenants founded
-- from now on know is lost to the others.
do $$
declare
    missing text;
begin
    if to_regclass('registry.built_in_roles') is null then
        return;
    end if;
    select string_agg(p.name, ', ' order by p.name) into missing
    from registry.permissions p
    where not exists (select from registry.built_in_roles b where p.name = any (b.permissions));
    if missing is not null then
        raise exception 'no role holds %', missing
            using hint = 'A migration adds a permission with: select registry.give(''things:read'', ''See things'', array[''owner'', ''admin''])';
    end if;
    select string_agg(distinct b.name, ', ') into missing
    from tenant.roles r join registry.built_in_roles b on b.name = r.name
    where r.built_in and not b.permissions <@ r.permissions;
    if missing is not null then
        raise exception 'tenants that are there already lack permissions of the built-in roles %', missing
            using hint = 'A migration adds a permission with: select registry.give(''things:read'', ''See things'', array[''owner'', ''admin''])';
    end if;
end
$$;
