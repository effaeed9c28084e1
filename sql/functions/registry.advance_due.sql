-- Door: moves on those subscriptions whose clock has something to say, of some tenants after one, in the order of their ids. Answers the last tenant it has looked
-- at, where to go on; null after the last of all. One that cannot be moved keeps nobody else waiting, and PostgreSQL's log says why: one that somebody holds is for
-- another time, and after one that takes longer than a statement may, the rest is for the next call.
-- Why a door: it looks at what all tenants are on, which nobody who works may. It answers an id, which opens nothing.
create or replace function registry.advance_due(after uuid, most integer) returns uuid
    language plpgsql security definer set search_path = ''
as $$
declare
    one record;
    last_one uuid;
    event text;
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    for one in
        select s.tenant_id from tenant.subscriptions s
        where s.due_at <= now() and s.tenant_id > after
        order by s.tenant_id limit least(most, 1000)
    loop
        last_one := one.tenant_id;
        begin
            -- What was missed while nobody looked is made up for: a period begins where the one before ended. After some, another time.
            for step in 1..24 loop
                select case s.state when 'trialing' then 'trial_ended' when 'active' then 'period_ended' when 'grace' then 'grace_ended'
                                    when 'suspended' then 'suspension_ended'
                                    else case when s.state_ends_at <= s.period_ends_at or s.period_ends_at is null then 'past_due_ended' else 'period_ended' end end
                into event
                from tenant.subscriptions s where s.tenant_id = one.tenant_id and s.due_at <= now() for no key update skip locked;
                exit when not found;
                perform registry.advance_subscription(one.tenant_id, event);
            end loop;
        exception
            when query_canceled then
                raise log 'the subscription of tenant % could not be moved on in time', one.tenant_id;
                return last_one;
            when others then
                raise log 'the subscription of tenant % could not be moved on: % (%)', one.tenant_id, sqlerrm, sqlstate;
        end;
    end loop;
    return last_one;
end
$$;
alter function registry.advance_due(uuid, integer) owner to rowhouse_billing;
revoke all on function registry.advance_due(uuid, integer) from public;
grant execute on function registry.advance_due(uuid, integer) to rowhouse_worker;
comment on function registry.advance_due(uuid, integer) is
    'Which subscriptions the clock has something to say to is nobody''s to see; it moves them on, and tells ids of tenants.';
