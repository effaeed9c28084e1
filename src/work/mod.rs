//! The house's own kinds of job: which there are, who does them, with what, and what recurs. A kind is a file here.
pub mod forget;

use crate::{
    Result,
    error::Failure,
    jobs::{Job, Kinds, NewJob, cron::Recurring, enqueue::Priority},
};

/// What those who do jobs work with, beside the tenant's rows.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Means {}

/// What every worker of ours does.
#[must_use]
pub fn kinds(_means: &Means) -> Kinds {
    Kinds::builder().with(forget::forget_jobs).build()
}

/// What recurs in each tenant.
pub fn recurring() -> Result<Vec<Recurring>, Failure> {
    fn low<J: Job>(job: &J) -> Result<NewJob> {
        Ok(NewJob::new(job)?.priority(Priority::Low).unique("all"))
    }
    Ok(vec![Recurring::new("jobs.forget", "17 3 * * *", || low(&forget::ForgetJobs { days: forget::DAYS }))?])
}
