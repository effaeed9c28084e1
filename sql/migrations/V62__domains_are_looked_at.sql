-- Domains that resolve are looked at once a day, by a job in each tenant (docs/jobs.md).
set local role rowhouse_migrator;
insert into registry.job_kinds (kind, permissions, asks) values ('domains.check', '{domains:check}', 'domains:write');
set local role rowhouse_owner;
