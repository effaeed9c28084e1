-- Not a door, it reads nothing: how long a subscription stays in a state in which a payment is overdue, before the clock moves it on.
create or replace function registry.dunning(state text) returns interval
    language sql immutable parallel safe set search_path = ''
as $$
    select case state when 'past_due' then interval '7 days' when 'grace' then interval '14 days' when 'suspended' then interval '60 days' end
$$;
alter function registry.dunning(text) owner to rowhouse_owner;
revoke all on function registry.dunning(text) from public;
grant execute on function registry.dunning(text) to rowhouse_billing;
