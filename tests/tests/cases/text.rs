//! Texts of many lines and odd characters, and slips in names of fields.

use holm_e2e::Finished;
use serde_json::{Value, json};

use super::Case;

/// The ConfigMap of these values; JSON is YAML.
fn config_map(data: &Value) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "annotations": {"note": "a\nb"}}, "data": data}).to_string()
}

const BEFORE: &str = "# config\nlisten: 80\nname: 世界\nemoji: \u{1f600}\u{200d}\u{1f4bb}\nrtl: \u{202e}abc\ntab:\tx\ntrail: y  \nesc: \
                      \u{1b}[31mred\u{1b}[0m\nnel:\u{85}x\nend\n";

#[test]
fn texts_of_many_lines_are_shown_by_what_changes_in_them() {
    let case = Case::new("case-text");
    let lines = |number: i32| {
        (0..2000).map(|line| format!("line {}\n", if line == 1234 { number } else { line })).collect::<String>()
    };
    let text = |conf: &str, number: i32, long: &str| {
        config_map(&json!({"app.conf": conf, "lines": lines(number), "long": long}))
    };
    let long = |middle: &str| format!("{}{middle}{}", "z".repeat(3000), "y".repeat(3000));
    case.settle(&text(BEFORE, 1234, &long("")));
    let changed = BEFORE.replace("listen: 80", "listen: 8080").replace("[31mred", "[32mgreen");
    let planned = case.plan(&text(&changed, -1, &long("new")));
    planned.expect_code(2).expect("- listen: 80").expect("+ listen: 8080").expect("- line 1234").expect("+ line -1");
    // What a terminal would obey or hide is written out, and one long line stands there once.
    planned.expect(r"\u{1b}[32mgreen").expect_not("\u{1b}").expect_not("\u{202e}").expect_not("\u{200d}");
    planned.expect("{+new+}").expect("(6000 -> 6003 characters)").expect_not(&"z".repeat(100)).expect_not("line 7\n");
    case.settle(&text(&changed, -1, &long("new")));
    /// What is changed, how, and what a plan shows of it.
    type Variant<'a> = (&'a str, &'a dyn Fn(&str) -> String, &'a str);
    let variants: [Variant<'_>; 6] = [
        ("a break at the end", &|text| text.trim_end().to_owned(), "(no line break at the end)"),
        ("blanks at the end", &|text| text.replace("trail: y  ", "trail: y"), "- trail: y··"),
        ("a tab", &|text| text.replace("tab:\tx", "tab:    x"), r"- tab:\tx"),
        ("a carriage return", &|text| text.replace("listen: 8080\n", "listen: 8080\r\n"), r"+ listen: 8080\r"),
        ("a character without width", &|text| text.replace("name: ", "name: \u{200b}"), r"+ name: \u{200b}"),
        ("a space that does not break", &|text| text.replace("name: ", "name:\u{a0}"), r"+ name:\u{a0}"),
    ];
    for (what, change, expected) in variants {
        let after = text(&change(&changed), -1, &long("new"));
        let planned = case.plan(&after);
        assert!(planned.stdout.contains(expected), "{what}: {expected}\n{planned}");
        case.settle(&after);
        case.settle(&text(&changed, -1, &long("new")));
    }
    assert_eq!(case.live("configmap", "cm")["data"]["app.conf"], json!(changed));
}

#[test]
fn slips_in_names_of_fields_are_found_before_anything_is_written() {
    let case = Case::new("case-typos");
    let expect = |planned: Finished, texts: &[&str]| {
        planned.expect_code(1);
        texts.iter().for_each(|text| {
            planned.expect(text);
        });
    };
    let deployment = super::deployment("", "", "imagepullpolicy: Always, resource: {}");
    for arguments in [&["plan"][..], &["apply", "--yes"]] {
        expect(
            case.run(arguments, &deployment),
            &["imagepullpolicy", r#"did you mean "imagePullPolicy"?"#, r#"did you mean "resources"?"#],
        );
    }
    let port = super::deployment("", "", "ports: [{containerport: 80}]");
    expect(
        case.run(&["plan"], &port),
        &["the port has no number", "spec.template.spec.containers[c].ports[0].containerPort"],
    );
    let others = "{apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, Data: {a: b}}\n---\n{apiVersion: v1, kind: Secret, metadata: \
                  {name: s}, stringdata: {a: secret-value-xyz}}";
    expect(case.run(&["apply", "--yes"], others), &[r#"did you mean "data"?"#, r#"did you mean "stringData"?"#]);
    let nameless = "{apiVersion: v1, kind: Service, metadata: {generateName: svc-}, spec: {ports: [{port: 80}]}}";
    expect(case.run(&["plan"], nameless), &["the object has no metadata.name"]);
    let large = config_map(&json!({"a": "x".repeat(1_100_000)}));
    expect(case.run(&["plan"], &large), &["the data of the ConfigMap is 1100000 bytes"]);
    case.run(&["plan"], &large).expect_not("problems").expect_not(r#"[""]"#);
    let note = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "annotations": {"note": "x".repeat(300_000)}}});
    expect(case.run(&["plan"], &note.to_string()), &["the size of all annotations is 300004 bytes"]);
    case.session.assert_never_written("secret-value-xyz");
    assert_eq!(case.session.cluster.get("namespace", "", "case-typos"), None, "nothing was written");
}
