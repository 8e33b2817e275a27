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

/// So many levels of lists.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

fn things() -> Value {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [
            {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}]},
    })
}

/// Sends a request, and tells whether it was accepted.
async fn send(client: &kube::Client, method: &str, path: &str, content: &str, body: &Value) -> bool {
    let request = http::Request::builder().method(method).uri(path).header("content-type", content);
    client.request::<Value>(request.body(body.to_string().into_bytes()).unwrap()).await.is_ok()
}

#[tokio::test]
async fn what_is_accepted_can_be_read_back_whatever_wrote_it() {
    let folder = Folder::new("deep");
    let cluster = open(&folder.file()).unwrap();
    let client = cluster.client();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert!(send(&client, "POST", definitions, "application/json", &things()).await);
    let path = "/apis/example.com/v1/namespaces/default/things";
    let thing = |name: &str, spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec});
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for levels in 100..135 {
        let deep = || json!({"deep": nested(levels)});
        for way in ["create", "put", "merge", "json", "apply", "status", "generate"] {
            let name = format!("{way}-{levels}");
            let of_name = format!("{path}/{name}");
            if !matches!(way, "create" | "apply" | "generate") {
                assert!(send(&client, "POST", path, "application/json", &thing(&name, json!({}))).await);
            }
            let is_accepted = match way {
                "create" => send(&client, "POST", path, "application/json", &thing(&name, deep())).await,
                "put" => send(&client, "PUT", &of_name, "application/json", &thing(&name, deep())).await,
                "merge" => {
                    send(&client, "PATCH", &of_name, "application/merge-patch+json", &json!({"spec": deep()})).await
                }
                "json" => {
                    // Made of two halves, neither of which is too deep by itself.
                    let start = json!({"op": "add", "path": "/spec/deep", "value": nested(50)});
                    let place = format!("/spec/deep{}", "/0".repeat(50));
                    let end = json!({"op": "replace", "path": place, "value": nested(levels - 50)});
                    send(&client, "PATCH", &of_name, "application/json-patch+json", &json!([start, end])).await
                }
                "apply" => {
                    let of_name = format!("{of_name}?fieldManager=test");
                    send(&client, "PATCH", &of_name, "application/apply-patch+yaml", &thing(&name, deep())).await
                }
                "status" => {
                    let mut object = thing(&name, json!({}));
                    object["status"] = deep();
                    send(&client, "PUT", &format!("{of_name}/status"), "application/json", &object).await
                }
                _ => {
                    let mut object = thing(&name, deep());
                    object["metadata"] = json!({"generateName": "generated-"});
                    send(&client, "POST", path, "application/json", &object).await
                }
            };
            if is_accepted && way != "generate" {
                accepted.push((name, way, levels));
            }
            refused += usize::from(!is_accepted);
        }
    }
    assert!(accepted.len() > 20 && refused > 50, "{} accepted, {refused} refused", accepted.len());
    let count = cluster.len();
    cluster.close();
    let again = open(&folder.file()).unwrap();
    assert_eq!((again.len(), again.unreadable()), (count, &[][..]));
    // What clients read, too: alone and in a list.
    let list: Value = again.client().request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap();
    for (name, way, levels) in accepted {
        let found = list["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == *name).unwrap();
        let part = if way == "status" { "status" } else { "spec" };
        assert_eq!(found[part]["deep"], nested(levels), "{name}");
    }
}

#[test]
fn an_object_that_cannot_be_read_is_kept_aside() {
    const OBJECTS: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("objects");
    let folder = Folder::new("unreadable");
    let cluster = open(&folder.file()).unwrap();
    cluster.objects(&secrets()).unwrap().create(secret("s"), &WriteOptions::by("test")).unwrap();
    let count = cluster.len();
    drop(cluster);
    // Too deep, cut off, not an object, and under a name that is none.
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let unreadable = [
        ("things.example.com/default/deep", deep.as_str()),
        ("secrets/default/cut", "{\"data\": {"),
        ("secrets/default/text", "\"hunter2\""),
        ("nothing", "{}"),
    ];
    let database = redb::Database::open(folder.file()).unwrap();
    let write = database.begin_write().unwrap();
    for (name, text) in unreadable {
        write.open_table(OBJECTS).unwrap().insert(name, text.as_bytes()).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    let mut names: Vec<&str> = unreadable.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    for _ in 0..2 {
        let cluster = open(&folder.file()).unwrap();
        assert_eq!(
            (cluster.len(), cluster.unreadable()),
            (count, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()[..])
        );
        assert_eq!(cluster.snapshot().len(), count);
    }
    // Another object of the name does not take its place, and can become unreadable too.
    let cluster = open(&folder.file()).unwrap();
    cluster.objects(&secrets()).unwrap().create(secret("text"), &WriteOptions::by("test")).unwrap();
    drop(cluster);
    let again = open(&folder.file()).unwrap();
    assert_eq!((again.len(), again.unreadable().len()), (count + 1, unreadable.len()));
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
