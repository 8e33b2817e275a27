//! Text for people. Everything here is a pure function from a value and a [`Layout`](crate::style::Layout) to text.

pub mod brief;
pub mod cause;
pub mod config;
pub mod difference;
pub mod fields;
pub mod graph;
pub mod manifest;
pub mod outputs;
pub mod plan;
pub mod problem;
pub mod reason;
pub mod report;
pub mod stacks;
pub mod status;
pub mod value;
pub mod warning;

#[cfg(test)]
pub mod sample;
