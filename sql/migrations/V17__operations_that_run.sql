-- Whether anything of a tenant's is running: asked by whoever finds a product locked.
create index operations_running_idx on tenant.operations (tenant_id, alive_at) where status = 'running';
