-- A time that never comes and attempts that nobody makes are no jobs.
alter table tenant.jobs add constraint jobs_run_at_check check (isfinite(run_at)) not valid;
alter table tenant.jobs add constraint jobs_attempts_check check (attempts between 0 and 100) not valid;
