-- As the migrator. What is wrong with the books; no row where nothing is.
select 'entry does not balance' as what, format('%s %s %s', p.entry_id, sum(p.amount_minor), p.currency) as which
from tenant.postings p group by p.tenant_id, p.entry_id, p.currency having sum(p.amount_minor) <> 0
union all
select 'balance is not the sum of its postings', format('%s %s', b.tenant_id, b.currency)
from tenant.balances b
left join lateral (select coalesce(sum(p.amount_minor) filter (where p.account = 'accounts_receivable'), 0) as owed,
                          coalesce(-sum(p.amount_minor) filter (where p.account = 'customer_credit'), 0) as credit
                   from tenant.postings p where p.tenant_id = b.tenant_id and p.currency = b.currency
                     and p.account in ('accounts_receivable', 'customer_credit')) s on true
where (b.receivable_minor, b.credit_minor) <> (s.owed, s.credit)
union all
select 'what is owed is not what open invoices say', format('%s %s', b.tenant_id, b.currency)
from tenant.balances b
where b.receivable_minor <> (select coalesce(sum(i.total_minor - i.settled_minor), 0) from tenant.invoices i
                             where i.tenant_id = b.tenant_id and i.currency = b.currency and i.status = 'open' and i.kind = 'invoice')
union all
select 'numbers have a gap', format('%s %s', s.seller, s.kind)
from registry.number_series s
where s.next - 1 <> (select count(*) from registry.document_numbers n where n.seller = s.seller and n.kind = s.kind)
   or s.next - 1 <> (select coalesce(max(n.number), 0) from registry.document_numbers n where n.seller = s.seller and n.kind = s.kind)
union all
select 'number is not on its invoice', format('%s %s %s', n.seller, n.kind, n.number)
from registry.document_numbers n
left join tenant.invoices i on i.tenant_id = n.tenant_id and i.id = n.invoice_id
where i.number is null or right(i.number, length(n.number::text)) <> n.number::text
