//! What the command line writes, as text without colours and without a limit on its width: for tests and for programs of one's
//! own. Secret values are masked in what it is made from.

use holm_executor::event::Report;
use holm_planner::plan::Plan;

use crate::render;
use crate::style::Layout;

/// The plan, as `plan` writes it.
pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    render::plan::write(plan, &render::plan::Details::default(), Layout::default(), &mut text);
    text
}

/// What failed and why, and the line that counts, as `apply` writes them. `home` is the namespace of what is shown without one.
pub fn report(report: &Report, home: Option<&str>) -> String {
    let mut text = String::new();
    render::report::write_failures(report, home, Layout::default(), &mut text);
    text.push_str(&render::report::summary(report, report.requests));
    text
}
