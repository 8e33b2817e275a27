//! The configuration of a stack: what its program may vary by, read from a file, the environment and the command line.
//!
//! The file is TOML. What is under `[config]` holds for every stack, and what is under `[stack.NAME.config]` for one of them; a
//! stack may name its context and its namespace beside it:
//!
//! ```toml
//! [config]
//! replicas = 1
//!
//! [stack.prod]
//! context = "production"
//! namespace = "shop"
//!
//! [stack.prod.config]
//! replicas = 3
//! database.host = "postgres.holm"
//! ```
//!
//! Later sources win: `[config]`, the stack's own table, the environment (`HOLM_CONFIG_DATABASE_HOST`), the command line. With a
//! [`Schema`], which is made from the type that the program reads its configuration into, everything that is wrong is found at
//! once: keys that nobody asks for, keys that are missing, values of another type, outside of a range or not among those that are
//! allowed. Each problem has its line.
//!
//! This crate does no I/O: a file is a name and a text.
//!
//! ```
//! use holm_config::{Sources, read};
//!
//! let text = "[config]\nreplicas = 1\n[stack.prod.config]\nreplicas = 3\n";
//! let sources = Sources { file: Some(("holm.toml", text)), ..Sources::of_stack("prod") };
//! let settings = read(None, &sources)?;
//! assert_eq!(settings.values.expose()["replicas"], 3);
//! # Ok::<(), holm_config::Problems>(())
//! ```

mod check;
mod edit;
mod encryption;
mod file;
mod key;
mod problem;
mod schema;
mod sources;

pub use edit::{EditError, get, remove, set};
pub use encryption::{EncryptionError, Identities, ciphertext, encrypt};
pub use file::{File, StackTable};
pub use key::{Key, KeyError, PREFIX, variable};
pub use problem::{Origin, Problem, ProblemKind, Problems};
pub use schema::{Field, Schema};
pub use sources::{Decrypt, Sealed, Settings, Sources, read, value_of};
