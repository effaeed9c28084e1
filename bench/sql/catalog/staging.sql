-- Where made-up products wait for being indexed. It is gone before anything is measured.
drop table if exists public.goods;
create unlogged table public.goods (
    part integer, tenant_id uuid, id uuid, name text, description text, sku text, price_minor bigint, currency text, stock integer,
    status text, tags text[]
);
