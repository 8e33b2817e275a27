//! The workload of the benchmark as a workspace.
//!
//! | key | what it is | default |
//! |---|---|---|
//! | `objects` | how many objects | 500 |
//! | `changed` | `yes` changes one of them | `no` |

use std::process::ExitCode;

use holm::prelude::*;
use holm_e2e::workload;

fn main() -> ExitCode {
    holm::run("benchmark-stack", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace(workload::NAMESPACE);
    let is_changed = config.get("changed") == Some("yes");
    for object in workload::objects(config.parse_or("objects", 500)?, is_changed) {
        stack.add(Manifest::new(object));
    }
    Ok(())
}
