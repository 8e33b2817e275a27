//! What a database goes through on a real node: `HOLM_E2E=node cargo test -p holm-e2e node::`, where the node is built.
//!
//! `examples/holm-pg` runs there as it is, while a client in another pod logs in with the Secret's `database-url`, verbatim, about
//! seven times a second, and inserts a row each time. Its log says how long it was without a database, and which rows it was
//! promised. With `HOLM_REPORT=1` the table in `docs/postgresql.md` is written from the run.

mod beginning;
mod causes;
mod changes;
mod client;
mod database;
mod disruptions;
mod report;
