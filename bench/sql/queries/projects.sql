-- One project in a hundred, the same ones in every run.
select tenant_id, id from tenant.projects tablesample bernoulli (1) repeatable (1)
