-- What `create` made in an earlier run, so that every run starts from the same rows.
delete from tenant.projects where name like 'bench %'
