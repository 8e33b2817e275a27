//! Components: what a stack needs again and again, each one call with typed arguments and typed outputs.
//!
//! A component adds plain resources through the same builders that a program uses. It is shown under its name in the plan and the graph, and
//! a problem inside of it has the line that declared the component. Nothing here does I/O.
//!
//! ```
//! use holm_components::{Postgres, WebService};
//! use holm_core::Stack;
//! use holm_resources::{Cpu, Memory, Percent};
//!
//! let stack = Stack::new("shop", "default", Some("shop"));
//! let database = Postgres::new("database", "shop").database("shop").storage("10Gi").declare(&stack);
//! WebService::new("shop", "example.org/shop:1.4.2")
//!     .port(8080)
//!     .readiness("/ready")
//!     .request(Cpu::millis(100), Memory::mebibytes(128))
//!     .autoscale(2..=6, Percent(70))
//!     .host("shop.example.org")
//!     .env("DB_HOST", database.host())
//!     .env("DB_PASSWORD", database.password())
//!     .connect_to(&database.workload, &database.port)
//!     .declare(&stack);
//! let graph = stack.build()?;
//! assert_eq!(graph.resources().len(), 11);
//! # Ok::<(), holm_core::Problems>(())
//! ```

mod postgres;
mod web_service;

pub use postgres::{Backup, Postgres, PostgresServer};
pub use web_service::{WebService, WebServiceOutputs};
