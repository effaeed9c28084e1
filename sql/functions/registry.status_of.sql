-- Not a door, it reads nothing: what a tenant is whose subscription is in this state, as far as whoever runs the platform has decided nothing else.
create or replace function registry.status_of(state text) returns text
    language sql immutable parallel safe set search_path = ''
as $$
    select case state when 'trialing' then 'trial' when 'grace' then 'read_only' when 'canceled' then 'read_only' when 'suspended' then 'unpaid' else 'active' end
$$;
alter function registry.status_of(text) owner to rowhouse_owner;
revoke all on function registry.status_of(text) from public;
grant execute on function registry.status_of(text) to rowhouse_billing;
