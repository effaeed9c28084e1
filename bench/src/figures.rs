//! What was measured, and what follows from it: medians, and ratios taken round by round.
use std::collections::BTreeMap;

use serde::Serialize;

use crate::rig::{Contender, Operation};

/// What one measurement found. CPU is user and system time per request, in microseconds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Figures {
    pub(crate) rps: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_cpu_us: Option<f64>,
    pub(crate) pg_cpu_us: f64,
    /// Cores that everything else on this machine kept busy meanwhile.
    #[serde(skip)]
    pub(crate) others: f64,
}

/// One of a measurement's figures; pgbench has no API.
pub(crate) type Figure = fn(&Figures) -> Option<f64>;
pub(crate) const RPS: Figure = |figures| Some(figures.rps);
pub(crate) const API_CPU: Figure = |figures| figures.api_cpu_us;
pub(crate) const PG_CPU: Figure = |figures| Some(figures.pg_cpu_us);
const OTHERS: Figure = |figures| Some(figures.others);

/// What was done, and by whom.
pub(crate) type Subject = (Operation, Contender);

/// All measurements, round by round.
#[derive(Default)]
pub(crate) struct Measured(BTreeMap<Subject, Vec<Figures>>);

impl Measured {
    pub(crate) fn add(&mut self, subject: Subject, figures: Figures) {
        self.0.entry(subject).or_default().push(figures);
    }

    /// Each figure's median; none when this was not measured.
    pub(crate) fn median(&self, subject: Subject) -> Option<Figures> {
        let rounds = self.0.get(&subject)?;
        let all = |figure: Figure| median(rounds.iter().filter_map(figure));
        Some(Figures {
            rps: round(all(RPS)?, 0),
            api_cpu_us: all(API_CPU).map(|us| round(us, 1)),
            pg_cpu_us: round(all(PG_CPU)?, 1),
            others: all(OTHERS)?,
        })
    }

    /// One subject's figure in another's, in each round: what slows a machine down for a while then slows
    /// both.
    pub(crate) fn ratios(&self, one: Subject, other: Subject, figure: Figure) -> Vec<f64> {
        let rounds = |subject| self.0.get(&subject).into_iter().flatten();
        let pairs = rounds(one).zip(rounds(other));
        pairs.filter_map(|(one, other)| Some(round(figure(one)? / figure(other)?, 3))).collect()
    }

    /// The median of these ratios.
    pub(crate) fn ratio(&self, one: Subject, other: Subject, figure: Figure) -> Option<f64> {
        median(self.ratios(one, other, figure).into_iter()).map(|ratio| round(ratio, 3))
    }

    /// How many cores everything else kept busy: usually, and at worst.
    pub(crate) fn others(&self) -> (f64, f64) {
        let all = || self.0.values().flatten().filter_map(OTHERS);
        (round(median(all()).unwrap_or_default(), 2), round(all().fold(0.0, f64::max), 2))
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[low], values[high]))
}

pub(crate) fn round(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}
