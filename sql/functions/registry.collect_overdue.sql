-- Door: tells the subscriptions of some tenants after one, in the order of their ids, that an invoice is overdue (payment_failed). Answers the last tenant it has
-- looked at, where to go on; null after the last of all. One that cannot be told keeps nobody else waiting, and PostgreSQL's log says why: as registry.advance_due.
-- Why a door: what all tenants owe nobody who works may see. It answers an id, which opens nothing.
create or replace function registry.collect_overdue(after uuid, most integer) returns uuid
    language plpgsql security definer set search_path = ''
as $$
declare
    one record;
    last_one uuid;
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    for one in
        select s.tenant_id from tenant.subscriptions s
        where s.state = 'active' and s.tenant_id > after
          and exists (select from tenant.invoices i where i.tenant_id = s.tenant_id and i.status = 'open' and i.due_at <= now())
        order by s.tenant_id limit least(most, 1000)
    loop
        last_one := one.tenant_id;
        begin
            -- What was paid meanwhile is not overdue: once it is held nobody pays.
            perform from tenant.subscriptions s where s.tenant_id = one.tenant_id and s.state = 'active' for no key update skip locked;
            if found and exists (select from tenant.invoices i where i.tenant_id = one.tenant_id and i.status = 'open' and i.due_at <= now()) then
                perform registry.advance_subscription(one.tenant_id, 'payment_failed');
            end if;
        exception
            when query_canceled then
                raise log 'the subscription of tenant % could not be told in time what is overdue', one.tenant_id;
                return last_one;
            when others then
                raise log 'the subscription of tenant % could not be told what is overdue: % (%)', one.tenant_id, sqlerrm, sqlstate;
        end;
    end loop;
    return last_one;
end
$$;
alter function registry.collect_overdue(uuid, integer) owner to rowhouse_billing;
revoke all on function registry.collect_overdue(uuid, integer) from public;
grant execute on function registry.collect_overdue(uuid, integer) to rowhouse_worker;
comment on function registry.collect_overdue(uuid, integer) is
    'What all tenants owe is nobody''s to see; it tells the subscriptions of those that are overdue, and answers ids of tenants.';
