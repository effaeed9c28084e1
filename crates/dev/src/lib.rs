#![doc = include_str!("../README.md")]

mod postgres;
mod redis;
mod supervised;

pub use postgres::{Durability, PrivatePostgres};
pub use redis::PrivateRedis;
