//! What is odd in the volumes of a pod although it is not wrong, from `k8s.io/kubernetes`, `pkg/api/pod/warnings.go`.

use serde_json::Value;

use crate::object::{at, text_at};
use crate::validate::items;

/// Kinds of volumes that are on their way out, with what is told of them.
const DEPRECATED: [(&str, &str); 9] = [
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// Warns of the volumes of a pod spec that is shown as `shown`.
pub(super) fn warnings(spec: &Value, shown: &str, warnings: &mut Vec<String>) {
    for (path, volume) in items(spec, &["volumes"], &format!("{shown}.volumes")) {
        for (kind, what) in DEPRECATED.iter().filter(|(kind, _)| at(volume, &[kind]).is_some()) {
            // The path is written like this there.
            let kind = if *kind == "storageos" { "storageOS" } else { kind };
            warnings.push(format!("{path}.{kind}: {what}"));
        }
    }
    for (_, volume) in items(spec, &["volumes"], "") {
        let name = text_at(volume, &["name"]);
        let mut overlapping = |kind: &str, files: Vec<File>| {
            warnings
                .extend(overlaps(&files).map(|text| format!("volume {name:?} ({kind}): overlapping paths: {text}")));
        };
        for (kind, called, title) in
            [("configMap", "name", "ConfigMap"), ("secret", "secretName", "Secret"), ("downwardAPI", "", "DownwardAPI")]
        {
            let Some(source) = at(volume, &[kind]) else { continue };
            let title =
                if called.is_empty() { title.to_owned() } else { format!("{title} {:?}", text_at(source, &[called])) };
            overlapping(&title, mapped(source, ""));
        }
        let Some(projected) = at(volume, &["projected"]) else { continue };
        overlapping("Projected", items(projected, &["sources"], "").flat_map(|(_, source)| files_of(source)).collect());
        let is_empty = |(_, source): (String, &Value)| source.as_object().is_some_and(serde_json::Map::is_empty);
        if items(projected, &["sources"], "").any(is_empty) {
            warnings.push(format!("volume {name:?} (Projected) has no sources provided"));
        }
    }
}

/// A file of a volume, and where it comes from.
struct File {
    path: String,
    source: String,
}

impl File {
    fn shown(&self) -> String {
        if self.source.is_empty() { format!("{:?}", self.path) } else { format!("{:?} ({})", self.path, self.source) }
    }

    /// Whether one of two is the other, or a folder above it.
    fn overlaps(&self, other: &Self) -> bool {
        let (one, two) = (format!("{}/", self.path), format!("{}/", other.path));
        !self.path.is_empty() && !other.path.is_empty() && (one.starts_with(&two) || two.starts_with(&one))
    }
}

fn file(path: &str, source: impl Into<String>) -> File {
    File { path: path.trim_end_matches('/').to_owned(), source: source.into() }
}

fn mapped(source: &Value, shown: &str) -> Vec<File> {
    items(source, &["items"], "").map(|(_, item)| file(text_at(item, &["path"]), shown)).collect()
}

/// The files of one source of a projected volume.
fn files_of(source: &Value) -> Vec<File> {
    for (kind, title) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
        if let Some(source) = at(source, &[kind]).filter(|source| at(source, &["items"]).is_some()) {
            return mapped(source, &format!("{title} {:?}", text_at(source, &["name"])));
        }
    }
    if let Some(source) = at(source, &["downwardAPI"]).filter(|source| at(source, &["items"]).is_some()) {
        return mapped(source, "DownwardAPI");
    }
    if let Some(token) = at(source, &["serviceAccountToken"]) {
        return vec![file(text_at(token, &["path"]), "ServiceAccountToken")];
    }
    if let Some(bundle) = at(source, &["clusterTrustBundle"]) {
        let name = at(bundle, &["name"]).or_else(|| at(bundle, &["signerName"])).and_then(Value::as_str);
        let title = format!("ClusterTrustBundle {:?}", name.unwrap_or_default());
        return vec![file(text_at(bundle, &["path"]), title)];
    }
    let certificate = at(source, &["podCertificate"]);
    let parts = [
        ("certificateChainPath", "PodCertificate chain"),
        ("keyPath", "PodCertificate key"),
        ("credentialBundlePath", "PodCertificate credential bundle"),
    ];
    let of = |certificate| parts.iter().map(move |(field, title)| file(text_at(certificate, &[field]), *title));
    certificate.into_iter().flat_map(of).filter(|file| !file.path.is_empty()).collect()
}

/// Each file that is in the way of one before it.
fn overlaps(files: &[File]) -> impl Iterator<Item = String> {
    files.iter().enumerate().flat_map(move |(position, file)| {
        let before = files.iter().take(position).filter(|other| file.overlaps(other));
        before.map(|other| format!("{} with {}", file.shown(), other.shown()))
    })
}
