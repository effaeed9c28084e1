-- What was done in the process that was asked is done by a worker, on behalf of whoever asks (docs/adr/0034).
set local role rowhouse_migrator;
insert into registry.job_kinds (kind, permissions, asks, on_behalf) values
    ('products.import', '{operations:run,products:write}', 'products:write', true),
    ('products.reindex', '{operations:run,products:write}', 'products:write', true);
set local role rowhouse_owner;
