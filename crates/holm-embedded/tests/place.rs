//! The place of a user's cluster: whose it is, and that nobody else can look into it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use holm_embedded::{Cluster, ClusterError, ClusterOptions, Place, PlaceError};
use serde_json::{Value, json};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("holm-embedded-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn place(&self, name: &str) -> Place {
        Place::in_directory(&self.0, name).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn open(place: &Place) -> Result<Cluster, ClusterError> {
    Cluster::open(place, "the test", ClusterOptions { in_background: false, ..ClusterOptions::default() }).await
}

async fn create(cluster: &Cluster, name: &str) {
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let request = http::Request::post("/api/v1/namespaces/default/configmaps").body(body.to_string().into_bytes());
    let _: Value = cluster.client().request(request.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_second_one_is_told_who_holds_it_and_clusters_of_other_names_are_free() {
    let folder = Folder::new("held");
    let cluster = open(&folder.place("one")).await.unwrap();
    let Err(ClusterError::Place(PlaceError::InUse { name, holder: Some(holder) })) = open(&folder.place("one")).await
    else {
        panic!("it is held")
    };
    assert_eq!((name.as_str(), holder.command.as_str()), ("one", "the test"));
    assert_eq!(holder.process, std::process::id());
    assert_eq!(folder.place("one").holder().unwrap(), Some(holder));
    open(&folder.place("two")).await.unwrap();
    drop(cluster);
    assert_eq!(folder.place("one").holder().unwrap(), None);
    open(&folder.place("one")).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_behind_is_not_believed() {
    let folder = Folder::new("stale");
    drop(open(&folder.place("one")).await.unwrap());
    // The number is that of a process that lives, as after many others the killed one's may be.
    let stale =
        json!({"process": std::process::id(), "since": 0, "command": "killed", "kubeconfig": "gone"}).to_string();
    fs::write(folder.0.join("clusters/one.holder"), stale).unwrap();
    assert_eq!(folder.place("one").holder().unwrap(), None);
    open(&folder.place("one")).await.unwrap();
}

#[tokio::test]
async fn one_who_listens_says_where() {
    let folder = Folder::new("listens");
    let place = folder.place("one");
    let mut cluster = open(&place).await.unwrap();
    let listener = cluster.listen(0).await.unwrap();
    let holder = place.holder().unwrap().unwrap();
    let kubeconfig: Value = serde_json::from_slice(&fs::read(holder.kubeconfig.unwrap()).unwrap()).unwrap();
    assert_eq!(kubeconfig["clusters"][0]["cluster"]["server"], format!("https://{}", listener.address()));
    drop((listener, cluster));
    assert!(!place.kubeconfig().exists(), "a kubeconfig stays that leads nowhere");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_look_into_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("private");
    let mut cluster = open(&folder.place("one")).await.unwrap();
    let _listener = cluster.listen(0).await.unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = folder.0.join("clusters");
    assert_eq!(mode(directory.clone()), 0o700);
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(path.clone()), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn the_objects_of_one_cluster_go_on_in_another_with_their_uids() {
    let folder = Folder::new("import");
    let first = open(&folder.place("first")).await.unwrap();
    create(&first, "kept").await;
    let snapshot = first.api().snapshot();
    let objects: Vec<Value> = snapshot.iter().map(|object| Value::clone(object)).collect();
    let options = ClusterOptions { objects: objects.clone(), in_background: false, ..ClusterOptions::default() };
    let second = Cluster::open(&folder.place("second"), "the test", options.clone()).await.unwrap();
    let uids = |objects: &[Value]| -> Vec<String> {
        objects.iter().map(|object| object["metadata"]["uid"].to_string()).collect()
    };
    let taken: Vec<Value> = second.api().snapshot().iter().map(|object| Value::clone(object)).collect();
    assert_eq!(uids(&taken), uids(&objects));
    drop(second);
    let again = Cluster::open(&folder.place("second"), "the test", options).await;
    assert!(again.is_err_and(|error| error.to_string().contains("has objects already")));
}

#[test]
fn names_are_those_that_every_system_takes() {
    for (name, is_good) in
        [("a", true), ("dev-2", true), ("", false), ("-a", false), ("a/b", false), ("..", false), ("A", false)]
    {
        assert_eq!(Place::in_directory(&PathBuf::from("x"), name).is_ok(), is_good, "{name}");
    }
}
