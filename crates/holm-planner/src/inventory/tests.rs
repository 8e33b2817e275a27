#![allow(clippy::panic, reason = "a panic is a failed test")]

use serde_json::{Value, json};

use super::*;
use holm_core::catalog;

fn place() -> InventoryPlace {
    InventoryPlace::of("holm-pg", "default", Some("holm"))
}

fn stored(inventory: &Inventory) -> Value {
    inventory.to_config_maps(&place(), "holm/v0.1.0", "s1").root
}

fn read(root: &Value) -> Result<Inventory, InventoryError> {
    match Inventory::read_root(root, &place())? {
        Root::Whole(inventory) => Ok(*inventory),
        Root::Shards(names) => panic!("it is spread over {names:?}"),
    }
}

/// A ConfigMap with this document in the place of the inventory.
fn with_document(document: &str) -> Value {
    let mut root = stored(&Inventory::default());
    root["data"]["inventory.json"] = json!(document);
    root
}

fn sample() -> Inventory {
    let secret = ResourceId::new("", "Secret", Some("holm"), "credentials");
    let deployment = ResourceId::new("apps", "Deployment", Some("other"), "postgres");
    let mut inventory = Inventory { revision: 3, epoch: 4, ..Inventory::default() };
    let first = Entry {
        uid: Some("u1".into()),
        digest: "d1".into(),
        adopted: true,
        ..Entry::of(catalog::find("v1", "Secret").expect("it is built in"))
    };
    inventory.entries.insert(secret.clone(), first);
    let second = Entry {
        depends_on: vec![secret.clone()],
        protect: true,
        completed: true,
        sensitive: vec!["spec.template.spec.containers[c].env[A].value".parse().expect("well formed")],
        ..Entry::of(catalog::find("apps/v1", "Deployment").expect("it is built in"))
    };
    inventory.entries.insert(deployment, second);
    let home = FieldReference { id: secret, path: r#"data["a.b"]"#.parse().expect("well formed") };
    inventory.stored_in.insert("password".into(), home);
    inventory
}

/// An inventory of many objects whose names and uids have nothing in common.
fn large(count: u64) -> Inventory {
    let mut inventory = Inventory::default();
    let kind = catalog::find("v1", "ConfigMap").expect("it is built in");
    for number in 0..count {
        let noise = Sha256::digest(number.to_le_bytes());
        let hex: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = ResourceId::new("", "ConfigMap", Some("holm"), &format!("object-{number:06}"));
        let uid = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]);
        let entry = Entry { uid: Some(uid), digest: hex[32..48].to_owned(), ..Entry::of(kind.clone()) };
        inventory.entries.insert(id, entry);
    }
    inventory
}

#[test]
fn set_ids_are_those_of_kubectl() {
    // The first is from kubectl's own apply_test.go; the others follow from the same rule.
    assert_eq!(set_id("my-set", "test", "Secret", ""), "applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1");
    assert_eq!(
        set_id("my-set", "", "ApplySet", "company.com"),
        "applyset-rhp1a-HVAVT_dFgyEygyA1BEB82HPp2o10UiFTpqtAs-v1"
    );
    assert_eq!(set_id("postgres", "holm", "Secret", ""), "applyset-0ixxXwC0CtoI2hoURq9fRcDvf2ftD4sPNixzztRNBBA-v1");
}

#[test]
fn an_inventory_reads_back_as_it_was_written() {
    for phase in [Phase::Recorded, Phase::Intended] {
        let inventory = Inventory { phase, ..sample() };
        let root = stored(&inventory);
        assert_eq!(read(&root).expect("our own"), inventory);
        assert_eq!(signature(&root), Some("s1"));
        assert_eq!(
            root.pointer("/metadata/annotations/applyset.kubernetes.io~1contains-group-kinds"),
            Some(&json!("Deployment.apps,Secret"))
        );
        assert_eq!(
            root.pointer("/metadata/annotations/applyset.kubernetes.io~1additional-namespaces"),
            Some(&json!("other"))
        );
    }
}

#[test]
fn a_large_inventory_is_compressed_and_a_larger_one_is_spread_over_shards() {
    let compressed = large(10_000);
    let written = compressed.to_config_maps(&place(), "holm/v0.1.0", "s1");
    assert!(written.shards.is_empty());
    assert_eq!(read(&written.root).expect("our own"), compressed);

    let spread = large(40_000);
    let written = spread.to_config_maps(&place(), "holm/v0.1.0", "s1");
    assert!(written.shards.len() > 1);
    let largest = written.shards.iter().chain([&written.root]).map(|object| object.to_string().len()).max();
    // In base64, with what is around it.
    assert!(largest < Some(1_100_000), "{largest:?}");
    let Ok(Root::Shards(names)) = Inventory::read_root(&written.root, &place()) else { panic!("it is spread") };
    let mut shards: BTreeMap<String, Value> = names.into_iter().zip(written.shards).collect();
    assert_eq!(shard_names(&written.root), shards.keys().cloned().collect::<Vec<_>>());
    assert_eq!(Inventory::read_shards(&written.root, &shards, &place()).expect("our own"), spread);

    shards.pop_first();
    let error = Inventory::read_shards(&written.root, &shards, &place()).expect_err("one is missing");
    assert!(matches!(error, InventoryError::Incomplete { .. }), "{error}");
}

#[test]
fn format_1_is_read() {
    let document = json!({
        "format": 1, "revision": 7,
        "kinds": [["", "v1", "Secret", "secrets", true]],
        "objects": [{"kind": 0, "namespace": "holm", "name": "a", "uid": "u", "digest": "d", "protect": true},
                    {"kind": 0, "namespace": "holm", "name": "b", "uid": "v", "retain": true, "needs": [0]}],
        "generated": {"p": ["holm", "", "Secret", "a", "data.p"]},
    });
    let inventory = read(&with_document(&document.to_string())).expect("format 1 is known");
    assert_eq!((inventory.format, inventory.revision, inventory.epoch), (1, 7, 0));
    assert_eq!((inventory.entries.len(), inventory.stored_in.len(), inventory.phase), (2, 1, Phase::Recorded));
    let second = &inventory.entries[&ResourceId::new("", "Secret", Some("holm"), "b")];
    assert!(second.retain_on_delete && !second.adopted && second.depends_on.len() == 1);
    // It is upgraded by the next record, whatever else stayed the same.
    assert!(!Inventory { format: FORMAT, ..inventory.clone() }.records_the_same(&inventory));
}

#[test]
fn what_is_recorded_is_compared_without_revisions_and_what_the_config_map_does_not_keep() {
    let mut inventory = sample();
    let outside = ResourceId::new("", "Secret", Some("holm"), "outside");
    for entry in inventory.entries.values_mut() {
        entry.depends_on.push(outside.clone());
    }
    let stored = read(&stored(&inventory)).expect("our own");
    inventory.revision += 1;
    inventory.epoch += 1;
    assert!(inventory.records_the_same(&stored) && stored.records_the_same(&inventory));
    let changes: [fn(&mut Entry); 7] = [
        |entry| entry.uid = Some("another".to_owned()),
        |entry| entry.digest = String::new(),
        |entry| entry.protect = !entry.protect,
        |entry| entry.retain_on_delete = !entry.retain_on_delete,
        |entry| entry.adopted = !entry.adopted,
        |entry| entry.completed = !entry.completed,
        |entry| entry.sensitive.push(FieldPath::of(["data"])),
    ];
    for change in changes {
        let mut other = inventory.clone();
        change(other.entries.values_mut().next().expect("it has entries"));
        assert!(!other.records_the_same(&stored));
    }
    let mut fewer = inventory.clone();
    fewer.entries.pop_last();
    assert!(!fewer.records_the_same(&stored) && !stored.records_the_same(&fewer));
    assert!(!Inventory { phase: Phase::Intended, ..inventory.clone() }.records_the_same(&stored));
    inventory.stored_in.clear();
    assert!(!inventory.records_the_same(&stored));
}

#[test]
fn what_no_run_wrote_is_refused_and_nothing_of_it_is_dropped() {
    let row = |row: Value| {
        json!({"format": 2, "revision": 1, "kinds": [["", "v1", "ConfigMap", "configmaps", true]], "objects": [row]})
            .to_string()
    };
    let documents = [
        ("{", "cannot be read"),
        ("{}", "cannot be read"),
        (r#"{"format": 99}"#, "has format 99, and this version reads up to 2"),
        (r#"{"format": 0, "revision": 1, "kinds": [], "objects": []}"#, "there is no format 0"),
        (r#"{"format": 2, "revision": 18446744073709551615, "kinds": [], "objects": []}"#, "its revision is"),
        (r#"{"format": 1, "revision": -1, "kinds": [], "objects": []}"#, "cannot be read"),
        (&row(json!({"kind": 1, "namespace": "n", "name": "a"})), "the row of \"a\" names kind 1, and there are 1"),
        (&row(json!({"kind": 0, "name": "a"})), "does not name an object of that kind"),
        (&row(json!({"kind": 0, "namespace": "n", "name": ""})), "does not name an object of that kind"),
        (&row(json!({"kind": 0, "namespace": "n", "name": "a", "needs": [4]})), "needs row 4, and there are 1"),
        (&row(json!({"kind": 0, "namespace": "n", "name": "a", "sensitive": ["a["]})), "is not a valid field path"),
        (
            r#"{"format": 2, "revision": 1, "kinds": [], "objects": [], "generated": {"p": ["n", "", "Secret", "s", "["]}}"#,
            "is not a valid field path",
        ),
        (
            r#"{"format": 2, "revision": 1, "kinds": [["", "v1", "ConfigMap", "configmaps", true]], "objects": [{"kind": 0, "namespace": "n", "name": "a"}, {"kind": 0, "namespace": "n", "name": "a"}]}"#,
            "ConfigMap/n/a has two rows",
        ),
    ];
    for (document, expected) in documents {
        let error = read(&with_document(document)).expect_err(document);
        assert!(error.to_string().contains(expected), "{document}: {error}");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn a_config_map_of_others_is_not_an_inventory() {
    let own = stored(&sample());
    let change = |change: fn(&mut Value)| {
        let mut root = own.clone();
        change(&mut root);
        read(&root).expect_err("it is not ours").to_string()
    };
    let tooling = "applyset.kubernetes.io/tooling";
    assert_eq!(
        change(|root| *root = json!({"metadata": {"name": "n"}, "data": {"precious": "x"}})),
        format!(
            "the ConfigMap holm/holm.holm-pg.default has the name of the inventory but is not one: it does not have the annotation {tooling}"
        )
    );
    let foreign =
        change(|root| root["metadata"]["annotations"]["applyset.kubernetes.io/tooling"] = json!("kubectl/v1"));
    assert!(foreign.contains("kubectl/v1"), "{foreign}");
    let copied = change(|root| root["metadata"]["labels"][SET_ID_LABEL] = json!("applyset-x-v1"));
    assert!(copied.contains("as of a copy"), "{copied}");
    let unlabelled = change(|root| root["metadata"]["labels"] = json!({}));
    assert!(unlabelled.contains("does not have the label"), "{unlabelled}");
    let emptied = change(|root| root["data"] = json!({}));
    assert!(emptied.contains("does not have the key inventory.json"), "{emptied}");
}
