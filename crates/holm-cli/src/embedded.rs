//! The embedded cluster of this user: opening it, reaching the process that has it, and what is said when neither works.

use std::ffi::OsStr;

use holm_cluster::{Cluster, ConnectOptions, Identity, UserAgent};
use holm_embedded::{ApiServerError, ClusterError, ClusterOptions, Holder, PersistError, Place, PlaceError};

use crate::args::Settings;
use crate::args::cluster::ClusterName;
use crate::connection::Running;
use crate::diagnostic::{Diagnostic, Kind};
use crate::terminal::Terminal;

/// The place of the user's cluster with this name.
///
/// # Errors
/// When the user has no home.
pub fn place(name: &ClusterName) -> Result<Place, Diagnostic> {
    Place::of_user(&name.0).map_err(of_place)
}

/// Opens the cluster in this process or, if another process listens for it, connects there.
///
/// # Errors
/// When another process has it and does not listen, or its file cannot be used.
pub async fn connect(
    name: &ClusterName,
    program: &str,
    settings: &Settings,
    is_by_default: bool,
) -> Result<(Cluster, Running), Diagnostic> {
    let place = place(name)?;
    let user_agent = UserAgent::of(program, &settings.stack);
    match holm_embedded::Cluster::open(&place, &command(program, settings.verb), ClusterOptions::default()).await {
        Ok(running) => {
            let identity = Identity {
                source: format!("embedded:{}", name.0),
                server: "in this process".to_owned(),
                namespace: "default".to_owned(),
                ..Identity::default()
            };
            let cluster = Cluster::greet(running.client(), identity, user_agent).await?;
            Ok((cluster, Running { is_by_default, _embedded: Some(running) }))
        }
        Err(ClusterError::Place(PlaceError::InUse {
            holder: Some(Holder { kubeconfig: Some(kubeconfig), .. }),
            ..
        })) => {
            let options = ConnectOptions { kubeconfig: Some(kubeconfig), context: None, user_agent };
            Ok((Cluster::connect(&options).await?, Running { is_by_default, _embedded: None }))
        }
        Err(error) => Err(of_cluster(error, program)),
    }
}

/// What this process is doing, for others.
pub fn command(program: &str, verb: &str) -> String {
    format!("{program} {verb}")
}

/// Warns of what the file of a cluster holds without being an object that can be read.
pub fn warn_of_unreadable(unreadable: &[String], terminal: &mut Terminal) {
    for name in unreadable {
        terminal.warn(&format!(
            "{name} cannot be read, so it is not in the cluster and in no export; it is kept in the cluster's file"
        ));
    }
}

/// Whether the variable `CI` says that this is continuous integration.
pub fn is_ci(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// What is wrong with a cluster.
pub fn of_cluster(error: ClusterError, program: &str) -> Diagnostic {
    let error = match error {
        ClusterError::Place(error) => return of_place(error),
        error => error,
    };
    let hint = match &error {
        ClusterError::ApiServer(ApiServerError::Persist(error)) => match error {
            PersistError::Damaged { .. } => Some(format!(
                "`{program} cluster reset` begins anew; until then the file stays as it is, and --cluster embedded:NAME is another one"
            )),
            PersistError::Newer { .. } => Some(format!(
                "use the later version of {program}, or another cluster with --cluster embedded:NAME; `{program} cluster reset` forgets this one"
            )),
            PersistError::InUse { .. } => Some("wait until the other process is done, and try again".to_owned()),
            _ => Some("make room, or name another directory with HOLM_STATE_DIR".to_owned()),
        },
        ClusterError::Listen { port, .. } if *port != 0 => {
            Some("choose another --port, or none for a free one".to_owned())
        }
        _ => None,
    };
    Diagnostic::of(Kind::Cluster, &error, hint)
}

/// What is wrong with a place.
pub fn of_place(error: PlaceError) -> Diagnostic {
    let hint = match &error {
        PlaceError::NoHome => Some("name a directory with HOLM_STATE_DIR".to_owned()),
        PlaceError::InUse { holder: Some(Holder { kubeconfig: Some(_), .. }), .. } => {
            Some("stop it with Ctrl-C, or `kill` and the process's number".to_owned())
        }
        PlaceError::InUse { .. } => Some(
            "wait until it is done, or use another cluster with --cluster embedded:NAME; what several processes are to share is run \
             by `cluster start`"
                .to_owned(),
        ),
        PlaceError::Unusable { .. } => Some("name another directory with HOLM_STATE_DIR".to_owned()),
        _ => None,
    };
    Diagnostic::of(Kind::Cluster, &error, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_is_what_services_set_it_to() {
        let cases = [
            (None, false),
            (Some(""), false),
            (Some("false"), false),
            (Some("0"), false),
            (Some("true"), true),
            (Some("1"), true),
        ];
        for (value, expected) in cases {
            assert_eq!(is_ci(value.map(OsStr::new)), expected, "{value:?}");
        }
    }
}
