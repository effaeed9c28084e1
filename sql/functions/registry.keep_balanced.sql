-- Trigger with its owner's rights, at commit: the postings of an entry add up to nothing in each currency.
-- Why with rights of its own: at commit PostgreSQL asks as whoever commits, who may not read the ledger, and an entry of which
-- nothing is seen would seem to balance.
create or replace function registry.keep_balanced() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    whose constant uuid := case tg_op when 'DELETE' then old.tenant_id else new.tenant_id end;
    entry constant uuid := case tg_op when 'DELETE' then old.entry_id else new.entry_id end;
    off text;
begin
    select format('%s %s', sum(p.amount_minor), p.currency) into off
    from tenant.postings p where p.tenant_id = whose and p.entry_id = entry
    group by p.currency having sum(p.amount_minor) <> 0 limit 1;
    if found then
        raise exception using errcode = '23514', message = format('journal entry %s does not balance: it is off by %s', entry, off),
            schema = 'tenant', table = 'postings', constraint = 'keep_balanced';
    end if;
    return null;
end
$$;
alter function registry.keep_balanced() owner to rowhouse_billing;
revoke all on function registry.keep_balanced() from public;
comment on function registry.keep_balanced() is
    'At commit PostgreSQL asks as whoever commits, who may not read the ledger; it answers nothing, and refuses an entry that does not balance.';
