-- Door: the epoch of the tenant that is set, for whoever belongs to it. Events are read in the order of transactions, whose numbers
-- count anew where a tenant has moved to; within an epoch they only grow.
-- Why a door: it must not depend on whether the caller may read the tenant's record.
--   RH001, RH002, RH003, RH006, RH007  as registry.require, which is asked for membership alone
create or replace function registry.present_epoch() returns bigint
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    return (select t.epoch from registry.tenants t where t.id = registry.require(null));
end
$$;
alter function registry.present_epoch() owner to rowhouse_tenancy;
revoke all on function registry.present_epoch() from public;
grant execute on function registry.present_epoch() to rowhouse_api;
comment on function registry.present_epoch() is
    'How often the tenant has moved must not depend on what the caller may read; it is one number, of the tenant that is set.';
