//! What a configuration is made of, and everything that can be wrong with it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use holm_config::{Key, Problems, Schema, Settings, Sources, read};
use serde_json::{Value, json};

/// As `schemars` writes the schema of a type with an enumeration, a secret, a table, a list, a map and optional values.
fn schema() -> Schema {
    Schema::new(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings",
        "type": "object",
        "properties": {
            "replicas": {"type": "integer", "format": "uint16", "minimum": 0, "description": "How many pods serve"},
            "size": {"$ref": "#/$defs/Size", "default": "small"},
            "database": {"$ref": "#/$defs/Database"},
            "hosts": {"type": "array", "items": {"type": "string"}, "default": []},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}},
            "backup": {"anyOf": [{"$ref": "#/$defs/Backup"}, {"type": "null"}]},
            "debug": {"type": ["boolean", "null"]},
        },
        "required": ["replicas", "database"],
        "$defs": {
            "Size": {"oneOf": [
                {"type": "string", "const": "small", "description": "For tests"},
                {"type": "string", "const": "large"},
            ]},
            "Database": {
                "type": "object",
                "properties": {
                    "host": {"type": "string", "description": "Where PostgreSQL\nlistens"},
                    "port": {"type": "integer", "format": "uint16", "default": 5432},
                    "password": {"type": "string", "writeOnly": true},
                },
                "required": ["host", "password"],
            },
            "Backup": {"type": "object", "properties": {"keep": {"type": "integer"}}, "required": ["keep"]},
        },
    }))
}

const FILE: &str = r#"
[config]
replicas = 1
hosts = ["a.example", "b.example"]
database.host = "postgres.holm"

[stack.dev]

[stack.prod]
context = "production"
namespace = "shop"

[stack.prod.config]
replicas = 3
labels."example.org/team" = "shop"
"#;

fn with<'a>(text: &'a str, stack: &'a str) -> Sources<'a> {
    Sources { file: Some(("holm.toml", text)), stack, is_stack_named: stack != "default", ..Sources::default() }
}

fn shown(result: Result<Settings, Problems>) -> String {
    match result {
        Ok(settings) => settings.values.expose().to_string(),
        Err(Problems(problems)) => {
            let line = |problem: &holm_config::Problem| match &problem.hint {
                Some(hint) => format!("{problem}\n  hint: {hint}"),
                None => problem.to_string(),
            };
            problems.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn later_sources_win_and_tables_are_joined() {
    let environment = pairs(&[("HOLM_CONFIG_DATABASE_PASSWORD", "7"), ("HOLM_CONFIG_HOSTS", "[\"c\"]"), ("HOME", "/")]);
    let arguments: Vec<(Key, String)> =
        [("replicas", "5"), ("database.port", "6432"), ("labels.tier", "web"), ("debug", "true")]
            .map(|(key, text)| (key.parse().unwrap(), text.to_owned()))
            .to_vec();
    let sources = Sources { environment: &environment, arguments: &arguments, ..with(FILE, "prod") };
    let settings = read(Some(&schema()), &sources).unwrap();
    assert_eq!(
        *settings.values.expose(),
        json!({
            "replicas": 5,
            "hosts": ["c"],
            "database": {"host": "postgres.holm", "password": "7", "port": 6432},
            "labels": {"example.org/team": "shop", "tier": "web"},
            "debug": true,
        })
    );
    assert_eq!((settings.context.as_deref(), settings.namespace.as_deref()), (Some("production"), Some("shop")));
    let origin = |key: &str| settings.origins.get(&key.parse::<Key>().unwrap()).map(ToString::to_string);
    assert_eq!(origin("replicas").as_deref(), Some("the command line"));
    assert_eq!(origin("database.host").as_deref(), Some("holm.toml:5"));
    assert_eq!(origin("database.password").as_deref(), Some("the environment variable HOLM_CONFIG_DATABASE_PASSWORD"));
    assert_eq!(origin("labels.\"example.org/team\"").as_deref(), Some("holm.toml:15"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_line() {
    let text = r#"
[config]
replicas = "three"
sise = "large"
size = "lagre"
debug = 1
hosts = ["a", 7]
database = { hots = "x", port = 70000 }
labels = { team = 1 }

[stack.prod.config.backup]
keep = 1.5
"#;
    insta::assert_snapshot!(shown(read(Some(&schema()), &with(text, "prod"))), @r#"
    the configuration value "backup.keep" must be an integer, and is a number with a fraction (from holm.toml:12)
    the program has no configuration value "database.hots" (from holm.toml:8)
      hint: did you mean "host"?
    the configuration value "database.port" must be at most 65535 (from holm.toml:8)
    the configuration value "database.host" is not set
      hint: it is a text: Where PostgreSQL listens
    the configuration value "database.password" is not set
    the configuration value "debug" must be a boolean, and is an integer (from holm.toml:6)
    the configuration value "hosts.1" must be a text, and is an integer (from holm.toml:7)
    the configuration value "labels.team" must be a text, and is an integer (from holm.toml:9)
    the configuration value "replicas" must be an integer, and is a text (from holm.toml:3)
    the program has no configuration value "sise" (from holm.toml:4)
      hint: did you mean "size"?
    the configuration value "size" must be one of "small", "large" (from holm.toml:5)
      hint: did you mean "large"?
    "#);
}

#[test]
fn what_stands_beside_the_configuration_must_mean_something() {
    let text = "confg = 1\n[stack]\ndev = 1\n[stack.prod]\nnamspace = \"a\"\ncontext = 7\n[config]\nx = inf\n";
    insta::assert_snapshot!(shown(read(None, &with(text, "prod"))), @r#"
    "confg" has no meaning here (from holm.toml:1)
      hint: did you mean "config"?
    the configuration value "stack.dev" must be a table, and is an integer (from holm.toml:3)
    "stack.prod.namspace" has no meaning here (from holm.toml:5)
      hint: did you mean "namespace"?
    the configuration value "stack.prod.context" must be a text, and is an integer (from holm.toml:6)
    the configuration value "x" must be a finite number, and is not finite (from holm.toml:8)
    "#);
    insta::assert_snapshot!(shown(read(None, &with("[config]\na = 1\na = 2\n", "prod"))), @"duplicate key (from holm.toml:3)");
    insta::assert_snapshot!(shown(read(None, &with("[config]\na = \n", "prod"))), @"string values must be quoted, expected literal string (from holm.toml:2)");
    insta::assert_snapshot!(shown(read(None, &with(FILE, "prdo"))), @r#"
    the file has no stack "prdo"
      hint: did you mean "prod"?
    "#);
    insta::assert_snapshot!(shown(read(None, &with(FILE, "staging"))), @r#"
    the file has no stack "staging"
      hint: it has dev, prod
    "#);
}

#[test]
fn a_stack_that_nobody_named_may_be_missing_in_the_file() {
    let password = pairs(&[("HOLM_CONFIG_DATABASE_PASSWORD", "x")]);
    let sources = Sources { environment: &password, ..with(FILE, "default") };
    assert_eq!(read(Some(&schema()), &sources).unwrap().values.expose()["replicas"], 1);
}

#[test]
fn without_a_file_all_that_is_needed_is_named() {
    insta::assert_snapshot!(shown(read(Some(&schema()), &Sources::of_stack("default"))), @r#"
    the configuration value "replicas" is not set
      hint: it is an integer: How many pods serve
    the configuration value "database.host" is not set
      hint: it is a text: Where PostgreSQL listens
    the configuration value "database.password" is not set
    "#);
}

#[test]
fn a_value_within_a_value_is_a_conflict() {
    let arguments: Vec<(Key, String)> = vec![("replicas.most".parse().unwrap(), "3".to_owned())];
    let sources = Sources { arguments: &arguments, ..with(FILE, "dev") };
    insta::assert_snapshot!(shown(read(None, &sources)), @r#""replicas" is given both as a value and as a table (from the command line)"#);
}

#[test]
fn a_variable_that_means_nothing_is_told() {
    let environment = pairs(&[("HOLM_CONFIG_DATABASE_PASSWORD", "x"), ("HOLM_CONFIG_REPLICSA", "2")]);
    let sources = Sources { environment: &environment, ..with(FILE, "dev") };
    assert_eq!(read(Some(&schema()), &sources).unwrap().unused, ["HOLM_CONFIG_REPLICSA"]);
}

#[test]
fn the_fields_of_a_schema_say_what_they_are() {
    let lines: Vec<String> = schema()
        .fields()
        .into_iter()
        .map(|field| {
            let default = field.default.map(|value| format!(" = {value}")).unwrap_or_default();
            let marks = [(field.is_required, " required"), (field.is_secret, " secret")];
            let marks: String = marks.iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| *mark).collect();
            let allowed = field.allowed.join("|");
            format!("{}: {}{default}{marks} {allowed} {}", field.key, field.expected, field.description)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    backup.keep: an integer  
    database.host: a text required  Where PostgreSQL listens
    database.password: a text required secret  
    database.port: an integer = 5432  
    debug: a boolean  
    hosts: a list = []  
    labels: a table = {}  
    replicas: an integer required  How many pods serve
    size: a value = "small" "small"|"large"
    "#);
    assert!(schema().is_secret(&"database.password".parse().unwrap()));
    assert!(!schema().is_secret(&"database.host".parse().unwrap()));
}

#[test]
fn an_editor_gets_the_schema_of_the_whole_file() {
    let document = schema().of_file();
    let config = &document["$defs"]["Configuration"];
    assert_eq!(config["properties"]["replicas"]["type"], "integer");
    assert_eq!(config["additionalProperties"], false);
    assert_eq!(config.get("required"), None);
    assert_eq!(document["$defs"]["Database"].get("required"), None);
    assert_eq!(document["properties"]["config"], json!({"$ref": "#/$defs/Configuration"}));
}

#[test]
fn a_change_of_the_file_leaves_the_rest_as_it_was_written() {
    let key = |text: &str| text.parse::<Key>().unwrap();
    let text = "# ours\n[config]\nreplicas = 1 # few\n";
    let changed = holm_config::set(text, None, &key("replicas"), &json!(2)).unwrap();
    assert_eq!(changed, "# ours\n[config]\nreplicas = 2 # few\n");
    let changed = holm_config::set(&changed, Some("prod"), &key("database.host"), &json!("db")).unwrap();
    insta::assert_snapshot!(changed, @r#"
    # ours
    [config]
    replicas = 2 # few

    [stack.prod.config.database]
    host = "db"
    "#);
    assert_eq!(holm_config::get(&changed, Some("prod"), &key("database.host")), Ok(Value::from("db")));
    let removed = holm_config::remove(&changed, Some("prod"), &key("database.host")).unwrap();
    assert!(!removed.contains("db"), "{removed}");
    assert!(holm_config::remove(&removed, Some("prod"), &key("database.host")).is_err());
    assert!(holm_config::set(text, None, &key("replicas.a"), &json!(1)).is_err());
    assert_eq!(
        holm_config::set("", Some("a.b"), &key("x"), &json!(["y", 1])).unwrap(),
        "[stack.\"a.b\".config]\nx = [\"y\", 1]\n"
    );
}
