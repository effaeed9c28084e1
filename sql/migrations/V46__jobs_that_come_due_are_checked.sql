alter table tenant.jobs validate constraint jobs_run_at_check;
alter table tenant.jobs validate constraint jobs_attempts_check;
