-- A catalogue for each of load.sql's tenants, and more members, as a superuser, in one transaction. bench.products and
-- bench.members say how many of each a tenant has; the first member is there.
create function pg_temp.id(kind text, n bigint) returns uuid language sql immutable as $$
    select (lpad(to_hex(1760000000000 + n), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15))::uuid
    from md5(kind || n) as noise
$$;

create temporary table more as
select t.id as tenant_id, t.slug, t.status, m.m, pg_temp.id('person', row_number() over (order by m.m, t.id)) as user_id
from registry.tenants t cross join generate_series(2, current_setting('bench.members')::int) m (m);

insert into registry.users (id, email, full_name, password_hash, email_verified_at)
select user_id, format('member-%s@%s.example', m, slug), format('Member %s of %s', m, slug),
       current_setting('bench.password_hash'), now()
from more;

insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
select m.tenant_id, u.id, r.id, r.permissions, m.status, u.active, u.email, u.full_name
from more m
join registry.users u on u.id = m.user_id
join tenant.roles r on r.tenant_id = m.tenant_id and r.name = 'member';

-- Twenty materials and as many things, in descriptions of three sentences.
with words as (
    select '{Brass,Oak,Linen,Glass,Steel,Walnut,Stone,Copper,Wool,Leather,Bamboo,Marble,Cotton,Iron,Maple,Cork,Velvet,Slate,Ash,Tin}'::text[] as materials,
           '{lamp,table,curtain,bowl,shelf,chair,clock,kettle,vase,blanket,basket,tray,mirror,stool,pot,rug,bench,box,frame,jug}'::text[] as things,
           '{kitchen,garden,office,hall,nursery,workshop,balcony}'::text[] as rooms
)
insert into tenant.products (tenant_id, id, name, description, sku, price_minor, currency, stock, tags)
select t.id, pg_temp.id('product', row_number() over (order by p, t.id)),
       format('%s %s %s', w.materials[1 + (p + t.n) % 20], w.things[1 + p * 7 % 20], p),
       format('A %s for the %s, made of %s. It goes well with our %s and with anything of %s. Wipe it with a damp cloth, and keep it out of the rain.',
              w.things[1 + p * 7 % 20], w.rooms[1 + p % 7], lower(w.materials[1 + (p + t.n) % 20]),
              w.things[1 + (p + 3) % 20], lower(w.materials[1 + (p + 11) % 20])),
       'P-' || p, 100 + p * 37 % 10000, 'EUR', p % 50, array[w.rooms[1 + p % 7]]
from words w,
     generate_series(1, current_setting('bench.products')::int) p,
     (select id, row_number() over (order by id) as n from registry.tenants) t
order by p, t.id;

insert into tenant.generations (tenant_id, slot)
select t.id, s.slot from registry.tenants t cross join generate_series(1, 8) s (slot) on conflict do nothing;
