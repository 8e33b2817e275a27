//! `cluster status`: where the cluster is kept, what it holds, who is using it.

use holm_embedded::{Cluster, ClusterOptions, Holder};

use super::Asked;
use crate::args::Output;
use crate::diagnostic::Diagnostic;
use crate::embedded;
use crate::json;
use crate::session::block_on;
use crate::style::{Line, Role};
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// What there is to say of a cluster.
#[derive(Debug, Default)]
pub struct ClusterStatus {
    /// Its name.
    pub name: String,
    /// The file that holds it.
    pub file: String,
    /// The size of the file in bytes; none where there is no cluster yet.
    pub size: Option<u64>,
    /// The objects in it, and the revision of the last write; none where another process has it, or there is none.
    pub content: Option<(usize, u64)>,
    /// What its file holds without being an object that can be read; where another process has it, that is not known.
    pub unreadable: Vec<String>,
    /// Who has it, other than this process.
    pub holder: Option<Holder>,
}

/// Runs the action.
pub fn run(asked: &Asked<'_>, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    let mut status = ClusterStatus {
        name: asked.place.name().to_owned(),
        file: asked.place.file().display().to_string(),
        size: asked.place.file().metadata().ok().map(|file| file.len()),
        content: None,
        unreadable: Vec::new(),
        holder: asked.place.holder().map_err(embedded::of_place)?,
    };
    if status.size.is_some() && status.holder.is_none() {
        // What is due is done when it is opened, and no more than that.
        let options = ClusterOptions { in_background: false, ..ClusterOptions::default() };
        (status.content, status.unreadable) = block_on(async {
            let opened = Cluster::open(&asked.place, &asked.command, options).await;
            let cluster = opened.map_err(|error| embedded::of_cluster(error, asked.program))?;
            Ok((Some((cluster.api().len(), cluster.api().revision())), cluster.unreadable().to_vec()))
        })?;
    }
    show(&status, asked.output, terminal);
    Ok(Outcome::Done)
}

/// Writes what there is to say.
pub fn show(status: &ClusterStatus, output: Output, terminal: &mut Terminal) {
    let text = match output {
        Output::Json => json::cluster::status(status),
        Output::Text => {
            let mut text = String::new();
            for line in lines(status) {
                line.write(terminal.data_layout(), &mut text);
            }
            text
        }
    };
    terminal.data(&text);
}

fn lines(status: &ClusterStatus) -> Vec<Line> {
    let row = |name: &str, value: &str| Line::default().role(Role::Faint, name).column(12).hang_here().text(value);
    let mut lines = vec![row("cluster", &format!("embedded:{}", status.name)), row("file", &status.file)];
    lines.push(match status.size {
        None => row("size", "not made yet; the first command that needs it makes it"),
        Some(bytes) => row("size", &format!("{} KiB", bytes.div_ceil(1024))),
    });
    if let Some((objects, revision)) = status.content {
        lines.push(row("objects", &format!("{objects}, at revision {revision}")));
    }
    for name in &status.unreadable {
        lines.push(row("unreadable", &format!("{name}, which is kept in the file and is not in the cluster")));
    }
    if let Some(Holder { process, since, command, kubeconfig }) = &status.holder {
        lines.push(row("in use", &format!("by process {process} (`{command}`) since {since}")));
        if let Some(kubeconfig) = kubeconfig {
            lines.push(row("kubeconfig", &kubeconfig.display().to_string()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use holm_embedded::Timestamp;

    use crate::style::Layout;

    use super::*;

    fn text(status: &ClusterStatus) -> String {
        let mut text = String::new();
        for line in lines(status) {
            line.write(Layout::default(), &mut text);
        }
        text
    }

    fn sample() -> ClusterStatus {
        ClusterStatus { name: "default".into(), file: "state/default.redb".into(), ..ClusterStatus::default() }
    }

    #[test]
    fn the_status_is_this() {
        insta::assert_snapshot!(text(&sample()), @"
        cluster     embedded:default
        file        state/default.redb
        size        not made yet; the first command that needs it makes it
        ");
        insta::assert_snapshot!(text(&ClusterStatus { size: Some(70_000), content: Some((31, 212)), ..sample() }), @"
        cluster     embedded:default
        file        state/default.redb
        size        69 KiB
        objects     31, at revision 212
        ");
        let holder = Holder {
            process: 4711,
            since: Timestamp(1_800_000_000),
            command: "holm-pg cluster start".into(),
            kubeconfig: Some(PathBuf::from("state/default.kubeconfig")),
        };
        insta::assert_snapshot!(text(&ClusterStatus { size: Some(70_000), holder: Some(holder), ..sample() }), @"
        cluster     embedded:default
        file        state/default.redb
        size        69 KiB
        in use      by process 4711 (`holm-pg cluster start`) since 2027-01-15T08:00:00Z
        kubeconfig  state/default.kubeconfig
        ");
    }

    #[test]
    fn the_document_is_this() {
        let status = ClusterStatus { size: Some(70_000), content: Some((31, 212)), ..sample() };
        insta::assert_snapshot!(json::cluster::status(&status), @r#"
        {
          "schema": "holm.cluster/v1",
          "simulation": "embedded cluster, simulated node",
          "name": "default",
          "file": "state/default.redb",
          "size_bytes": 70000,
          "objects": 31,
          "revision": 212
        }
        "#);
    }
}
