select kind, jobs, seconds from registry.job_figures()
