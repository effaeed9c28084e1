-- Not a door: an invoice is owed no more. Where nothing of the tenant's is overdue then, its subscription is told so.
create or replace function registry.note_settled(whose uuid, at timestamptz) returns void
    language plpgsql set search_path = ''
as $$
begin
    if not exists (select from tenant.invoices i where i.tenant_id = whose and i.status = 'open' and i.due_at <= at) then
        perform registry.advance_subscription(whose, 'payment_succeeded', at);
    end if;
end
$$;
alter function registry.note_settled(uuid, timestamptz) owner to rowhouse_owner;
revoke all on function registry.note_settled(uuid, timestamptz) from public;
grant execute on function registry.note_settled(uuid, timestamptz) to rowhouse_billing;
