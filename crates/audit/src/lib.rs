#![doc = include_str!("../README.md")]

pub mod attack;
pub mod audit;
#[cfg(feature = "commands")]
mod commands;
mod copy;
pub mod prove;
pub mod why;

#[cfg(feature = "commands")]
pub use commands::Command;
pub use copy::DatabaseCopy;
