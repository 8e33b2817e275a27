//! Which scenarios need something that the embedded cluster does not do.

use crate::control_plane::is_embedded;

/// The scenarios that do not hold on the embedded cluster, each with the reason. The same table is in the README of this folder.
pub const ONLY_REAL: &[(&str, &str)] = &[(
    "nothing_is_pruned_after_a_failed_write",
    "it needs a policy that refuses a write and not its dry-run, which is a quota here; the embedded cluster enforces none",
)];

/// Whether a scenario of [`ONLY_REAL`] is not to be run, because the embedded cluster is under test. Says so on standard error.
///
/// # Panics
/// When the scenario is not in the table.
#[allow(clippy::print_stderr, reason = "the note is for the person who runs the tests")]
pub fn is_left_out(scenario: &str) -> bool {
    let (_, reason) = ONLY_REAL.iter().find(|(name, _)| *name == scenario).expect("the table has every such scenario");
    if is_embedded() {
        eprintln!("note: {scenario} is left out: {reason}");
    }
    is_embedded()
}
