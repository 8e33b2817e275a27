//! A persistent cluster is the same after it was closed, and belongs to one process.
#![cfg(feature = "persist")]
#![allow(clippy::unwrap_used)]

use holm_apiserver::{ApiServer, ApiServerError, GroupVersionKind, GroupVersionResource, PersistError, WriteOptions};
use serde_json::json;

#[test]
fn what_was_answered_is_there_again() {
    let folder = std::env::temp_dir().join(format!("holm-apiserver-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("cluster.redb");
    let secrets = GroupVersionResource::new("", "v1", "secrets");
    let open = || ApiServer::builder().persist(&path).build();
    let first = open().unwrap();
    assert!(matches!(open().unwrap_err(), ApiServerError::Persist(PersistError::InUse { .. })));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}});
    let made = first.objects(&secrets).unwrap().create(secret, &WriteOptions::by("test")).unwrap();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [
            {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    });
    let definitions = GroupVersionKind::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    first.objects_of(&definitions).unwrap().create(definition, &WriteOptions::by("test")).unwrap();
    let revision = first.revision();
    drop(first);
    let second = open().unwrap();
    assert_eq!(second.revision(), revision);
    assert_eq!(second.objects(&secrets).unwrap().get("default", "s"), Some(made));
    assert!(second.objects(&GroupVersionResource::new("example.com", "v1", "things")).is_ok());
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    drop(second);
    std::fs::remove_dir_all(folder).unwrap();
}
