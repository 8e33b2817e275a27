//! Reads kubeconfigs.

use std::env;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::{ConnectError, ConnectOptions};

/// The kubeconfig and what it is called; none where there is no file to read.
pub(super) fn read(
    options: &ConnectOptions,
    looked: &mut Vec<String>,
) -> Result<Option<(Kubeconfig, String)>, ConnectError> {
    if let Some(path) = &options.kubeconfig {
        return read_file(path).map(|kubeconfig| Some((kubeconfig, path.display().to_string())));
    }
    let named: Vec<PathBuf> = env::var_os("KUBECONFIG")
        .map(|value| env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    if !named.is_empty() {
        // As kubectl does it, a file of the list may be missing.
        let (there, missing): (Vec<_>, Vec<_>) = named.into_iter().partition(|path| path.exists());
        let names =
            |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let source = names(&there);
        let merged = there.iter().try_fold(Kubeconfig::default(), |merged, path| {
            merged.merge(read_file(path)?).map_err(|error| unreadable(path, &error))
        })?;
        if !there.is_empty() {
            return Ok(Some((merged, source)));
        }
        looked.push(format!("KUBECONFIG names {}, which does not exist", names(&missing)));
        return Ok(None);
    }
    looked.push("no kubeconfig is named, and KUBECONFIG is not set".to_owned());
    match env::home_dir().map(|home| home.join(".kube").join("config")) {
        Some(path) if path.exists() => {
            let kubeconfig = read_file(&path)?;
            let is_empty = kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty();
            if !is_empty {
                return Ok(Some((kubeconfig, path.display().to_string())));
            }
            looked.push(format!("{} is empty", path.display()));
        }
        Some(path) => looked.push(format!("{} does not exist", path.display())),
        None => looked.push("there is no home directory with a .kube/config".to_owned()),
    }
    Ok(None)
}

/// Whether `KUBECONFIG` names a file. Somebody who does so means a cluster, also where the name is mistyped.
pub(super) fn is_named() -> bool {
    env::var_os("KUBECONFIG").is_some_and(|value| env::split_paths(&value).any(|path| !path.as_os_str().is_empty()))
}

fn read_file(path: &Path) -> Result<Kubeconfig, ConnectError> {
    let mut kubeconfig = Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))?;
    // An empty name is none, which another file of the list may have.
    kubeconfig.current_context = kubeconfig.current_context.filter(|name| !name.is_empty());
    Ok(kubeconfig)
}

fn unreadable(path: &Path, error: &KubeconfigError) -> ConnectError {
    ConnectError::Unreadable { path: path.display().to_string(), reason: reason_of(error) }
}

/// What is wrong with a kubeconfig. The parser's own words may quote the file, in which tokens and keys stand.
pub(super) fn reason_of(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(cause, _) => cause.to_string(),
        KubeconfigError::Parse(cause) => match cause.location() {
            Some(place) => format!("it is no kubeconfig in YAML, at line {} column {}", place.line(), place.column()),
            None => "it is no kubeconfig in YAML".to_owned(),
        },
        KubeconfigError::LoadClusterOfContext(cluster) => format!("it has no cluster \"{cluster}\""),
        KubeconfigError::LoadCertificateAuthority(_) => "its certificate-authority cannot be read".to_owned(),
        KubeconfigError::LoadClientCertificate(_) => "the user's client-certificate cannot be read".to_owned(),
        KubeconfigError::LoadClientKey(_) => "the user's client-key cannot be read".to_owned(),
        KubeconfigError::ParseCertificates(_) => "its certificate-authority holds no PEM certificates".to_owned(),
        other => other.to_string(),
    }
}
