-- Products with their tags and the words they are found by, operations for what takes long, a tenant's settings.

-- One row a tenant, made with it (sql/policies/registry.tenants.sql). A key is a column: its type, its default and its
-- check are the database's.
create table tenant.settings (
    tenant_id  uuid        not null constraint settings_tenant_fkey references registry.tenants (id) on delete cascade,
    -- The language whose words are stemmed in search; a text search configuration of PostgreSQL.
    language   text        collate "C" not null default 'english'
               constraint settings_language_check check (language in (
                   'simple', 'danish', 'dutch', 'english', 'finnish', 'french', 'german', 'hungarian', 'italian',
                   'norwegian', 'portuguese', 'romanian', 'russian', 'spanish', 'swedish', 'turkish')),
    -- IANA time zone, for days, weeks and months of the dashboard.
    time_zone  text        collate "C" not null default 'UTC'
               constraint settings_time_zone_check check (char_length(time_zone) between 1 and 60),
    -- ISO 4217; what a price is in unless it says.
    currency   text        collate "C" not null default 'EUR'
               constraint settings_currency_check check (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version    bigint      not null default 1,
    constraint settings_pkey primary key (tenant_id)
);
set local role rowhouse_migrator;
insert into tenant.settings (tenant_id) select id from registry.tenants;
set local role rowhouse_owner;

create table tenant.products (
    tenant_id   uuid        not null constraint products_tenant_fkey references registry.tenants (id),
    id          uuid        not null,
    name        text        collate "C" not null
                constraint products_name_check check (char_length(name) between 1 and 200),
    description text        constraint products_description_check check (char_length(description) <= 100000),
    sku         text        collate "C" not null
                constraint products_sku_check check (char_length(sku) between 1 and 64),
    -- In the currency's minor unit (ISO 4217), so that comparing is exact and leakproof.
    price_minor bigint      not null constraint products_price_check check (price_minor between 0 and 1000000000000),
    currency    text        collate "C" not null constraint products_currency_check check (currency ~ '^[A-Z]{3}$'),
    stock       integer     not null default 0 constraint products_stock_check check (stock between 0 and 1000000000),
    status      text        collate "C" not null default 'active'
                constraint products_status_check check (status in ('draft', 'active', 'archived')),
    -- What the caller wrote; tenant.product_tags holds the same, a row a tag, for lists by tag.
    tags        text[]      collate "C" not null default '{}'
                constraint products_tags_check check (cardinality(tags) <= 100),
    in_stock    boolean     not null generated always as (stock > 0) stored,
    -- An id says when it was made (RFC 9562 §5.7), so newest first and "created between" are one index.
    created_at  timestamptz not null generated always as (
                    to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)) stored,
    updated_at  timestamptz not null default now(),
    version     bigint      not null default 1,
    -- Written by registry.index_product: the language it was indexed in, its words, and its name as names are compared.
    language    text        collate "C" not null,
    search      tsvector    not null,
    name_key    text        collate "C" not null,
    constraint products_pkey primary key (tenant_id, id),
    constraint products_sku_key unique (tenant_id, sku)
);
-- One index a sort. Status and stock come before the sort key: a list merges the few branches it is asked for, at most
-- three by two, and reads a page of each at most. The full-text index is in sql/policies/tenant.products.sql.
create index products_newest_idx on tenant.products (tenant_id, status, in_stock, id);
create index products_name_idx on tenant.products (tenant_id, status, in_stock, name, id);
create index products_price_idx on tenant.products (tenant_id, status, in_stock, price_minor, id);
create index products_sku_idx on tenant.products (tenant_id, status, in_stock, sku);
-- For completing what somebody types.
create index products_name_key_idx on tenant.products (tenant_id, status, name_key, id);

-- The same for one tag. Rows carry what a list by tag filters and sorts by; registry.keep_product_tags writes them.
create table tenant.product_tags (
    tenant_id   uuid    not null,
    product_id  uuid    not null,
    tag         text    collate "C" not null constraint product_tags_tag_check check (char_length(tag) between 1 and 50),
    status      text    collate "C" not null,
    in_stock    boolean not null,
    name        text    collate "C" not null,
    price_minor bigint  not null,
    sku         text    collate "C" not null,
    constraint product_tags_pkey primary key (tenant_id, product_id, tag),
    constraint product_tags_product_fkey foreign key (tenant_id, product_id)
        references tenant.products (tenant_id, id) on delete cascade
);
create index product_tags_newest_idx on tenant.product_tags (tenant_id, tag, status, in_stock, product_id);
create index product_tags_name_idx on tenant.product_tags (tenant_id, tag, status, in_stock, name, product_id);
create index product_tags_price_idx on tenant.product_tags (tenant_id, tag, status, in_stock, price_minor, product_id);
create index product_tags_sku_idx on tenant.product_tags (tenant_id, tag, status, in_stock, sku, product_id);

-- The words a tenant's catalogue is written in, for mending what a search misspells. A word stands once, or a few times
-- where products were written at the same moment: a unique key would make writers wait for each other. Words stay when
-- products go; one that nothing is found by does no harm.
create table tenant.product_words (
    tenant_id uuid not null constraint product_words_tenant_fkey references registry.tenants (id) on delete cascade,
    id        uuid not null default gen_random_uuid(),
    word      text collate "C" not null constraint product_words_word_check check (char_length(word) between 3 and 40),
    -- A word with one edit shares its first half or its last half with what was meant.
    backwards text collate "C" not null generated always as (reverse(word)) stored,
    constraint product_words_pkey primary key (tenant_id, id)
);
create index product_words_word_idx on tenant.product_words (tenant_id, word);
create index product_words_backwards_idx on tenant.product_words (tenant_id, backwards);

-- Work that outlives its request. Whoever runs it says from time to time that it is alive.
create table tenant.operations (
    tenant_id   uuid        not null constraint operations_tenant_fkey references registry.tenants (id),
    id          uuid        not null,
    kind        text        collate "C" not null
                constraint operations_kind_check check (kind in ('products.import', 'products.reindex')),
    status      text        collate "C" not null default 'queued' constraint operations_status_check
                check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    -- Units of work, such as lines.
    done        bigint      not null default 0,
    total       bigint,
    cancelling  boolean     not null default false,
    -- What it came to: counts, a report by line, or the problem it failed with.
    result      jsonb,
    -- The member who began it; none when it was an API key.
    created_by  uuid,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    -- While it runs: when whoever runs it was last known to be alive.
    alive_at    timestamptz not null default now(),
    finished_at timestamptz,
    version     bigint      not null default 1,
    constraint operations_pkey primary key (tenant_id, id)
);

insert into registry.permissions (name, description) values
    ('settings:read',    'See the tenant''s settings'),
    ('settings:write',   'Change the tenant''s settings'),
    ('products:read',    'List, open, search and export products'),
    ('products:write',   'Create, change and import products'),
    ('products:delete',  'Delete products'),
    ('operations:read',  'See work under way and what it came to'),
    ('operations:write', 'Begin and cancel work that takes long');

update registry.built_in_roles b
set permissions = (
    select array_agg(p.name order by p.name) from registry.permissions p
    where p.name = any (b.permissions)
       or case b.name when 'owner' then true
                      when 'admin' then p.name <> 'tenant:delete'
                      when 'member' then p.name in ('settings:read', 'products:read', 'products:write', 'operations:read', 'operations:write')
                      else p.name in ('settings:read', 'products:read', 'operations:read') end);

set local role rowhouse_migrator;
update tenant.roles r set permissions = b.permissions
from registry.built_in_roles b
where r.built_in and b.name = r.name;
set local role rowhouse_owner;
