//! A history of jobs, of events and of what receivers and streams are told of them under a nemesis: real worker and server processes on a PostgreSQL
//! and a Redis of their own, killed, stopped, cut off and restarted, while writers note what they have written and what came of it.
//! Afterwards the history is checked; and worlds in which a rule is missing are, too, which has to be found.
//!
//! `ROWHOUSE_NEMESIS_SECONDS` says for how long (15), `ROWHOUSE_NEMESIS_SEED` repeats a run's decisions. No test harness: this program is its
//! own worker, and its own `rowhouse`, so that one can be killed.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests look at PostgreSQL from all sides")]
#![allow(unreachable_pub, missing_docs, reason = "a test")]

mod dice;
mod feed;
mod found;
mod history;
mod hooks;
mod nemesis;
mod process;
#[path = "../webhooks/receiver.rs"]
#[allow(dead_code, reason = "shared with those who wait for what comes")]
mod receiver;
mod stream;
#[path = "../support/tokens.rs"]
#[allow(dead_code, reason = "shared with those who try wrong ones")]
mod tokens;
mod told;
mod worker;
mod world;
mod writers;

use std::{pin::Pin, process::ExitCode, time::Instant};

use crate::world::World;

type Scenario = (&'static str, fn(&World) -> Pin<Box<dyn Future<Output = ()> + '_>>);

macro_rules! scenarios {
    ($($module:ident::$name:ident),* $(,)?) => {
        [$((stringify!($name), |world| Box::pin($module::$name(world)))),*]
    };
}

const SCENARIOS: [Scenario; 12] = scenarios![
    nemesis::whatever_happens_each_committed_job_is_done_once_and_in_its_order,
    nemesis::one_job_among_a_thousand_of_anothers_waits_for_a_turn_and_not_for_their_line,
    feed::whoever_reads_the_feed_misses_nothing_and_reads_nothing_twice,
    feed::a_feed_that_reads_past_whoever_has_not_ended_is_found,
    hooks::whatever_happens_receivers_and_streams_are_told_of_each_committed_event,
    hooks::an_order_that_is_not_kept_is_found,
    hooks::events_behind_those_that_were_read_are_found,
    told::each_thing_that_can_be_told_wrong_is_told_apart,
    found::ends_that_do_not_ask_for_the_lease_are_found,
    found::an_order_that_nobody_keeps_is_found,
    found::jobs_that_wake_nobody_are_found,
    found::each_thing_that_can_be_wrong_is_told_apart,
];

fn main() -> ExitCode {
    if let Some(code) = process::rowhouse() {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let [role, url, mode, redis] = &args[..]
        && role == "worker"
    {
        runtime.block_on(worker::work(url, mode, redis));
        return ExitCode::SUCCESS;
    }
    // As the harness does: what does not begin with a dash is part of a name.
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let chosen: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|part| format!("nemesis::{name}").contains(*part)))
        .collect();
    if args.iter().any(|arg| arg == "--list") {
        for (name, _) in chosen {
            println!("nemesis::{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    if chosen.is_empty() {
        return ExitCode::SUCCESS;
    }
    let begun = Instant::now();
    let world = runtime.block_on(World::make());
    println!("seed {} (ROWHOUSE_NEMESIS_SEED), a world after {:?}", world.seed, begun.elapsed());
    for (name, scenario) in chosen {
        let begun = Instant::now();
        // Whoever finds something panics, which says so and ends the run; servers and workers end with their owners.
        runtime.block_on(scenario(&world));
        println!("test nemesis::{name} ... ok ({:.1} s)", begun.elapsed().as_secs_f64());
    }
    ExitCode::SUCCESS
}
