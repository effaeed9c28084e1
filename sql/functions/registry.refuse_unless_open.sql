-- Not a door, for doors that have found a tenant which is neither on trial nor active: raises, unless who does not pay may do this all the same. They read,
-- delete, stop what goes on and pay; later they only pay, and take from others what these could do. Null is membership alone.
--   RH003  the tenant is not open; the message is its status
--   RH061  a payment is overdue, or nothing is subscribed to; the message is the tenant's status
create or replace function registry.refuse_unless_open(status text, permission text) returns void
    language plpgsql immutable parallel safe set search_path = ''
as $$
declare
    paying constant boolean := permission is null or permission in ('billing:read', 'billing:manage', 'tenant:read')
        or permission in ('api-keys:read', 'api-keys:delete', 'members:read', 'members:delete', 'invitations:read', 'invitations:delete');
begin
    if status in ('trial', 'active')
        or status = 'unpaid' and paying
        or status = 'read_only' and (paying or permission ~ ':(read|delete)$' or permission in ('jobs:write', 'operations:write')) then
        return;
    elsif status in ('read_only', 'unpaid') then
        raise exception using errcode = 'RH061', message = status;
    end if;
    raise exception using errcode = 'RH003', message = status;
end
$$;
alter function registry.refuse_unless_open(text, text) owner to rowhouse_owner;
revoke all on function registry.refuse_unless_open(text, text) from public;
grant execute on function registry.refuse_unless_open(text, text) to rowhouse_tenancy;
