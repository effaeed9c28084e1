-- How many requests a tenant may make, and how many it has made this month.

-- A tenant that may make more or fewer than others do; null is as many as it likes. A tenant without a row goes by the
-- platform's settings.
create table registry.tenant_limits (
    tenant_id            uuid    not null constraint tenant_limits_pkey primary key
                         constraint tenant_limits_tenant_fkey references registry.tenants (id),
    tenant_per_minute    integer constraint tenant_limits_tenant_per_minute_check check (tenant_per_minute between 1 and 1000000),
    principal_per_minute integer constraint tenant_limits_principal_per_minute_check check (principal_per_minute between 1 and 1000000),
    tenant_per_month     bigint  constraint tenant_limits_tenant_per_month_check check (tenant_per_month between 1 and 1000000000000)
);

-- Requests a tenant has made in a month, by the calendar of UTC. Each instance adds what it has counted every few seconds.
create table registry.tenant_usage (
    tenant_id uuid   not null constraint tenant_usage_tenant_fkey references registry.tenants (id),
    month     date   not null constraint tenant_usage_month_check check (extract(day from month) = 1),
    requests  bigint not null constraint tenant_usage_requests_check check (requests >= 0),
    constraint tenant_usage_pkey primary key (tenant_id, month)
-- No index has to follow a count, so there is room for the next version beside each row.
) with (fillfactor = 50);

alter table registry.platform_settings drop constraint platform_settings_value_check;
alter table registry.platform_settings add constraint platform_settings_value_check check (
    case key
        when 'platform.name' then jsonb_typeof(value) = 'string' and char_length(value #>> '{}') between 1 and 100
        when 'platform.support_email' then jsonb_typeof(value) = 'string' and char_length(value #>> '{}') between 3 and 254
        when 'platform.maintenance_notice' then jsonb_typeof(value) = 'string' and char_length(value #>> '{}') between 1 and 1000
        when 'signup.open' then jsonb_typeof(value) = 'boolean'
        -- Null is as many as they like.
        when 'limits.tenant_per_minute' then
            value = 'null' or jsonb_typeof(value) = 'number' and value #>> '{}' ~ '^[1-9][0-9]{0,6}$' and (value #>> '{}')::integer <= 1000000
        when 'limits.principal_per_minute' then
            value = 'null' or jsonb_typeof(value) = 'number' and value #>> '{}' ~ '^[1-9][0-9]{0,6}$' and (value #>> '{}')::integer <= 1000000
        when 'limits.tenant_per_month' then
            value = 'null' or jsonb_typeof(value) = 'number' and value #>> '{}' ~ '^[1-9][0-9]{0,12}$' and (value #>> '{}')::bigint <= 1000000000000
        else false
    end);
