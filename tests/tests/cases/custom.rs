//! Custom resources: lists by key, sets, numbers of every size, defaults, and versions that come and go.

use serde_json::json;

use super::Case;

fn definition(plural: &str, kind: &str, versions: &[(&str, bool, bool, &str)]) -> String {
    let version = |(name, served, storage, spec): &(&str, bool, bool, &str)| {
        format!(
            "{{name: {name}, served: {served}, storage: {storage}, schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {{type: \
             object, properties: {{{spec}}}}}}}}}}}}}"
        )
    };
    let versions: Vec<String> = versions.iter().map(version).collect();
    format!(
        "---\n{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {plural}.cases.example.com, \
         creationTimestamp: null}}, spec: {{group: cases.example.com, preserveUnknownFields: false, scope: Namespaced, names: {{kind: {kind}, plural: {plural}}}, versions: \
         [{}]}}, status: {{acceptedNames: {{kind: '', plural: ''}}, conditions: [], storedVersions: []}}}}\n",
        versions.join(", ")
    )
}

fn object(version: &str, kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: cases.example.com/{version}, kind: {kind}, metadata: {{name: {name}}}, spec: {{{spec}}}}}\n"
    )
}

const WIDGET: &str = "size: {type: integer, default: 3}, port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}, \
    mem: {anyOf: [{type: integer}, {type: string}], x-kubernetes-int-or-string: true, pattern: '^[0-9.]+([KMGTPE]i?|m)?$'}, \
    ratio: {type: number}, big: {type: integer, format: int64}, nullable: {type: string, nullable: true}, \
    nullDefault: {type: string, default: dflt}, free: {type: object, x-kubernetes-preserve-unknown-fields: true}, \
    files: {type: array, items: {type: string}}, tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}, \
    pools: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name, zone], items: {type: object, required: [name], \
      properties: {name: {type: string}, zone: {type: string, default: z1}, replicas: {type: integer, default: 1}, \
      labels: {type: object, additionalProperties: {type: string}}}}}, \
    rules: {type: array, items: {type: object, properties: {host: {type: string}, weight: {type: integer, default: 1}, path: {type: string}}}}";

#[test]
fn lists_of_every_type_and_respelt_numbers_settle() {
    let case = Case::new("case-widgets");
    let text = |spec: &str| {
        definition("widgets", "Widget", &[("v1", true, true, WIDGET)]) + &object("v1", "Widget", "w", spec)
    };
    case.settle(&text(
        "port: 8080, mem: 1000m, ratio: 1.0, big: 9007199254740993, nullable: null, free: {a: null, b: {c: [1, '2', 2.50]}, e: {}, l: []}, \
         files: [], tags: [b, a], pools: [{name: a, replicas: 2, labels: {}}, {name: b, zone: z2}], rules: [{host: xx}, {host: yy, path: /}]",
    ));
    let second = text(
        "port: '8080', mem: '1', ratio: 1, big: 9007199254740992, nullable: null, free: {a: null, b: {c: [1, '2', 2.5]}, e: {}, l: []}, \
         files: [], tags: [a, b], pools: [{name: a, zone: z9, replicas: 2, labels: {}}, {name: b2, zone: z2}], rules: [{host: xx}, {host: \
         yy, path: /}]",
    );
    let planned = case.plan(&second);
    planned
        .expect_code(2)
        .expect("spec.big: 9007199254740993 -> 9007199254740992")
        .expect(r#"spec.port: 8080 -> "8080""#);
    planned
        .expect("- spec.pools[name=a,zone=z1].name")
        .expect("+ spec.pools[name=a,zone=z9].name")
        .expect_not("spec.tags");
    // The default of a new item is the server's.
    planned.expect("filled in by the server: replicas").expect_not("spec.ratio").expect_not("spec.free");
    case.settle(&second);
    let third = text(
        "port: '8080', mem: '1', nullable: null, nullDefault: null, free: {a: null}, tags: [c, a], pools: [{name: b2, zone: z2}, {name: a, zone: \
         z9, replicas: 2}], rules: [{host: yy, path: /}, {host: xx}]",
    );
    let planned = case.plan(&third);
    planned
        .expect_code(2)
        .expect("spec.pools: order: a, b2 -> b2, a")
        .expect(r#"+ spec.tags[="c"]"#)
        .expect(r#"- spec.tags[="b"]"#);
    planned.expect(r#"spec.rules[0].host: "xx" -> "yy""#).expect("- spec.ratio: 1");
    case.settle(&third);
    let live = case.live("widgets.cases.example.com", "w");
    assert_eq!(live["spec"]["tags"], json!(["c", "a"]));
    assert_eq!(live["spec"]["pools"][0], json!({"name": "b2", "zone": "z2", "replicas": 1}));
}

#[test]
fn numbers_of_every_size_stay_what_they_are() {
    let case = Case::new("case-numbers");
    let numbers = [
        "0.1",
        "1e21",
        "12345678901234567890",
        "1.7976931348623157e308",
        "-0.0",
        "1e-7",
        "100000000000000000000",
        "0.30000000000000004",
        "5e-324",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "1E5",
        "100.0",
        "0",
        "2.5e-3",
    ];
    let spec = "n: {type: number}, free: {type: object, x-kubernetes-preserve-unknown-fields: true}";
    let mut text = definition("nums", "Num", &[("v1", true, true, spec)]);
    for (position, number) in numbers.iter().enumerate() {
        text += &object(
            "v1",
            "Num",
            &format!("n{position}"),
            &format!("n: {number}, free: {{v: {number}, l: [{number}, '{number}']}}"),
        );
    }
    case.settle(&text);
    for (position, number) in numbers.iter().enumerate() {
        let live = case.live("nums.cases.example.com", &format!("n{position}"));
        let value = |value: &serde_json::Value| value.as_f64().unwrap_or(f64::NAN);
        assert_eq!(value(&live["spec"]["n"]), number.parse::<f64>().unwrap_or(f64::NAN), "{number}: {live}");
        assert_eq!(live["spec"]["free"]["l"][1], json!(number));
    }
}

#[test]
fn versions_with_other_defaults_come_and_go_without_a_change() {
    let case = Case::new("case-gadgets");
    let alpha = "old: {type: string}, a: {type: string}, items: {type: array, items: {type: object, properties: {'n': {type: string}, v: \
                 {type: string}}}}";
    let stable = "a: {type: string}, d: {type: string, default: dd}, items: {type: array, x-kubernetes-list-type: map, \
                  x-kubernetes-list-map-keys: ['n'], items: {type: object, required: ['n'], properties: {'n': {type: string}, v: {type: \
                  string}}}}";
    let text = |served: bool, stored: &str, version: &str, spec: &str| {
        let versions = [("v1alpha1", served, stored == "v1alpha1", alpha), ("v1", true, stored == "v1", stable)];
        definition("gadgets", "Gadget", &versions) + &object(version, "Gadget", "g", spec)
    };
    let items = |second: &str| format!("a: '1', items: [{{'n': x, v: '1'}}, {{'n': yy, v: '{second}'}}]");
    case.settle(&text(true, "v1alpha1", "v1alpha1", &format!("old: o, {}", items("1"))));
    let moved = text(true, "v1alpha1", "v1", &items("1"));
    case.plan(&moved).expect_code(2).expect_not("error:");
    case.settle(&moved);
    // The storage moves to the version with a default, which is no change of the declaration.
    case.settle(&text(true, "v1", "v1", &items("1")));
    let last = text(false, "v1", "v1", &items("2"));
    let planned = case.plan(&last);
    planned.expect_code(2).expect(r#"spec.items[n=yy].v: "1" -> "2""#).expect_not("drift");
    case.settle(&last);
    let spec = &case.live("gadgets.cases.example.com", "g")["spec"];
    assert_eq!((&spec["items"][1]["v"], spec.get("old")), (&json!("2"), None));
}

#[test]
fn a_default_that_the_definition_gains_is_no_change_of_its_objects() {
    let case = Case::new("case-defaults");
    let text = |spec: &str, of: &str| {
        definition("dials", "Dial", &[("v1", true, true, spec)]) + &object("v1", "Dial", "d", of)
    };
    case.settle(&text("a: {type: string}", "a: '1'"));
    let gained = "a: {type: string}, b: {type: string, default: bb}, c: {type: object, default: {}, properties: {d: {type: integer, default: 7}}}";
    case.settle(&text(gained, "a: '1'"));
    let planned = case.plan(&text(gained, "a: '2'"));
    planned.expect_code(2).expect(r#"spec.a: "1" -> "2""#).expect_not("drift");
    case.settle(&text(gained, "a: '2'"));
    // Declaring the default is a change of ownership alone.
    case.plan(&text(gained, "a: '2', b: bb")).expect_code(2).expect("only field ownership is updated");
    case.settle(&text(gained, "a: '2', b: bb"));
}
