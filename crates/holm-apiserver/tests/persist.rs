//! A persistent cluster is the same after it was closed, and belongs to one process.
#![cfg(feature = "persist")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use holm_apiserver::{ApiServer, ApiServerError, GroupVersionKind, GroupVersionResource, PersistError, WriteOptions};
use serde_json::{Value, json};

/// A folder of a test's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("holm-apiserver-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("cluster.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path) -> Result<ApiServer, ApiServerError> {
    ApiServer::builder().persist(path).build()
}

fn secret(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"}})
}

fn secrets() -> GroupVersionResource {
    GroupVersionResource::new("", "v1", "secrets")
}

#[test]
fn what_was_answered_is_there_again() {
    let folder = Folder::new("again");
    let path = folder.file();
    let first = open(&path).unwrap();
    assert!(matches!(open(&path).unwrap_err(), ApiServerError::Persist(PersistError::InUse { .. })));
    let made = first.objects(&secrets()).unwrap().create(secret("s"), &WriteOptions::by("test")).unwrap();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [
            {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    });
    let definitions = GroupVersionKind::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    first.objects_of(&definitions).unwrap().create(definition, &WriteOptions::by("test")).unwrap();
    let revision = first.revision();
    drop(first);
    let second = open(&path).unwrap();
    assert_eq!(second.revision(), revision);
    assert_eq!(second.objects(&secrets()).unwrap().get("default", "s"), Some(made));
    assert!(second.objects(&GroupVersionResource::new("example.com", "v1", "things")).is_ok());
    let files: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["cluster.redb"], "nothing is left of how it was made");
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("mode");
    let _cluster = open(&folder.file()).unwrap();
    assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_write_is_stored_when_somebody_waited_for_it() {
    let folder = Folder::new("stored");
    let cluster = open(&folder.file()).unwrap();
    let objects = cluster.objects(&secrets()).unwrap();
    for name in ["a", "b", "c"] {
        objects.create(secret(name), &WriteOptions::by("test")).unwrap();
    }
    cluster.stored().await.unwrap();
    // A copy is what a crash would leave behind.
    let copy = folder.0.join("copy.redb");
    fs::copy(folder.file(), &copy).unwrap();
    let found = open(&copy).unwrap().objects(&secrets()).unwrap().list(Some("default"));
    assert_eq!(found.items.len(), 3);
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let folder = Folder::new("newer");
    drop(open(&folder.file()).unwrap());
    let database = redb::Database::open(folder.file()).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", 2).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = open(&folder.file()).unwrap_err();
    assert!(matches!(error, ApiServerError::Persist(PersistError::Newer { found: 2, .. })), "{error}");
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let folder = Folder::new("damaged");
    drop(open(&folder.file()).unwrap());
    let whole = fs::read(folder.file()).unwrap();
    let half = whole.len() / 2;
    let mut wrong_start = whole.clone();
    wrong_start[..4096].fill(0xaa);
    let damages: [(&str, Vec<u8>); 5] = [
        ("empty", Vec::new()),
        ("no database", b"apiVersion: v1\nkind: List\n".to_vec()),
        ("cut off", whole[..half].to_vec()),
        ("another start", wrong_start),
        ("zeros", vec![0; whole.len()]),
    ];
    for (name, bytes) in damages {
        fs::write(folder.file(), &bytes).unwrap();
        let opened = open(&folder.file());
        assert!(matches!(opened, Err(ApiServerError::Persist(PersistError::Damaged { .. }))), "{name}: {opened:?}",);
        assert_eq!(fs::read(folder.file()).unwrap(), bytes, "{name}: it was written to");
    }
}

#[test]
fn flipped_bytes_are_noticed_or_hurt_nobody() {
    let folder = Folder::new("flips");
    let before = {
        let cluster = open(&folder.file()).unwrap();
        let objects = cluster.objects(&secrets()).unwrap();
        for number in 0..50 {
            objects.create(secret(&format!("s{number}")), &WriteOptions::by("test")).unwrap();
        }
        objects.list(None).items
    };
    let whole = fs::read(folder.file()).unwrap();
    let (mut noticed, mut place) = (0, 0x2545_f491_4f6c_dd1d_usize);
    for _ in 0..60 {
        let mut bytes = whole.clone();
        // Xorshift: no two places alike, and the same ones in every run.
        place ^= place << 13;
        place ^= place >> 7;
        place ^= place << 17;
        bytes[place % whole.len()] ^= 0x5a;
        fs::write(folder.file(), &bytes).unwrap();
        match open(&folder.file()) {
            Ok(cluster) => assert_eq!(cluster.objects(&secrets()).unwrap().list(None).items, before),
            Err(ApiServerError::Persist(PersistError::Damaged { .. })) => noticed += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(noticed > 0, "no flip hit anything");
}
