//! The cases of Kubernetes' own `selector_test.go`, and what its parser answered to texts that no test there has.

use serde_json::json;

use super::*;

fn labels(pairs: &[(&str, &str)]) -> Map<String, Value> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
}

#[test]
fn selectors_are_read_and_written_as_kubernetes_does() {
    let cases = [
        ("x=a,y=b,z=c", "x=a,y=b,z=c"),
        ("", ""),
        ("x!=a,y=b", "x!=a,y=b"),
        ("x= ", "x="),
        ("x= ,z= ", "x=,z="),
        ("x =", "x="),
        ("x==a", "x=a"),
        ("!x", "!x"),
        ("x>1,z<5", "x>1,z<5"),
        ("x=a,a=x", "a=x,x=a"),
        ("\rx", "x"),
        ("a ", "a"),
        ("x ,y", "x,y"),
        ("x=a,x=b", "x=a,x=b"),
        (
            "this-is-another-dns.domain.com/key-with-dash in (so,what)",
            "this-is-another-dns.domain.com/key-with-dash in (so,what)",
        ),
        ("0.1.2.domain/99 notin (10.10.100.1, tick.tack.clock)", "0.1.2.domain/99 notin (10.10.100.1,tick.tack.clock)"),
        ("foo  in	 (abc)", "foo in (abc)"),
        ("x notin\n (abc)", "x notin (abc)"),
        ("x in (b,a)", "x in (a,b)"),
        ("x in (abc,)", "x in (,abc)"),
        ("x in (abc,abc)", "x in (abc)"),
        ("x in ()", "x in ()"),
        ("x in (a,,,,)", "x in (,a)"),
        ("x in (a,,a,,a,,a,,)", "x in (,a)"),
        ("x notin (abc,,def),bar,z in (),w", "bar,w,x notin (,abc,def),z in ()"),
        ("x notin ( )", "x notin ()"),
        ("x notin (, a)", "x notin (,a)"),
        ("a in (x,y,notin, z,in)", "a in (in,notin,x,y,z)"),
        ("notin", "notin"),
        ("in in (in)", "in in (in)"),
        ("notin=in", "notin=in"),
    ];
    for (text, canonical) in cases {
        let selector = Selector::parse(text);
        assert_eq!(selector.as_ref().map(ToString::to_string), Ok(canonical.to_owned()), "{text}");
        assert_eq!(Selector::parse(canonical), selector, "{text}");
    }
}

#[test]
fn another_text_is_rejected_in_the_words_of_the_server() {
    let value = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    let key = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let integer = "for 'Gt', 'Lt' operators, the value must be an integer";
    let whole = [
        ("x==a==b", "found '==', expected: ',' or 'end of string'"),
        ("!x=a", "found '=', expected: ',' or 'end of string'"),
        ("app=a b", "found 'b', expected: ',' or 'end of string'"),
        ("a in (xyz)b notin ()", "found 'b', expected: ',' or 'end of string'"),
        ("x,,y", "found ',', expected: identifier after ','"),
        ("a in (xyz),", "found '', expected: identifier after ','"),
        (",x,y", "found ',', expected: !, identifier, or 'end of string'"),
        ("(", "found '(', expected: !, identifier, or 'end of string'"),
        ("= x", "found '=', expected: !, identifier, or 'end of string'"),
    ];
    let in_requirement = [
        ("x=a||y=b", format!("values[0][x]: Invalid value: \"a||y\": {value}")),
        ("app=-x", format!("values[0][app]: Invalid value: \"-x\": {value}")),
        ("x in (-a)", format!("values[0][x]: Invalid value: \"-a\": {value}")),
        ("-x", format!("<nil>: Invalid value: \"-x\": {key}")),
        ("x<a", format!("values[0]: Invalid value: \"a\": {integer}")),
        ("x>1.5", format!("values[0]: Invalid value: \"1.5\": {integer}")),
        ("x>/", format!("[values[0]: Invalid value: \"/\": {integer}, values[0][x]: Invalid value: \"/\": {value}]")),
        (
            "x in (-,/)",
            format!("[values[0][x]: Invalid value: \"-\": {value}, values[1][x]: Invalid value: \"/\": {value}]"),
        ),
        ("a b c", "found 'b', expected: in, notin, =, ==, !=, gt, lt".to_owned()),
        ("x nott in (y)", "found 'nott', expected: in, notin, =, ==, !=, gt, lt".to_owned()),
        ("a (", "found '(', expected: in, notin, =, ==, !=, gt, lt".to_owned()),
        ("x!", "found '!', expected: in, notin, =, ==, !=, gt, lt".to_owned()),
        ("app===web", "found '=', expected: identifier".to_owned()),
        ("x=)", "found ')', expected: identifier".to_owned()),
        ("x<>1", "found '>', expected: identifier".to_owned()),
        ("!", "found '', expected: identifier".to_owned()),
        ("!!x", "found '!', expected: identifier".to_owned()),
        ("a in (xyz abc)", "found 'abc', expected: ',' or ')'".to_owned()),
        ("x in (a", "found '', expected: ',' or ')'".to_owned()),
        ("x in (a=)", "found '=', expected: ',' or ')'".to_owned()),
        ("a notin(", "found '', expected: ',', ')' or identifier".to_owned()),
        ("x in (,=)", "found '=', expected: ',', or identifier".to_owned()),
        ("x in", "found '' expected: '('".to_owned()),
        ("x in a", "found 'a' expected: '('".to_owned()),
    ];
    let in_requirement = in_requirement.map(|(text, words)| (text, format!("unable to parse requirement: {words}")));
    let all = whole.into_iter().map(|(text, words)| (text, words.to_owned())).chain(in_requirement);
    for (text, words) in all {
        assert_eq!(Selector::parse(text).map_err(|error| error.to_string()), Err(words), "{text}");
    }
}

#[test]
fn labels_are_selected_as_kubernetes_does() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);
    let cases: [Case<'_>; 24] = [
        ("", &[("x", "y")], true),
        ("x=y", &[("x", "y")], true),
        ("x=y,z=w", &[("x", "y"), ("z", "w")], true),
        ("x!=y,z!=w", &[("x", "z"), ("z", "a")], true),
        ("notin=in", &[("notin", "in")], true),
        ("x", &[("x", "z")], true),
        ("!x", &[("y", "z")], true),
        ("x>1", &[("x", "2")], true),
        ("x<1", &[("x", "0")], true),
        ("x=z", &[], false),
        ("x=y", &[("x", "z")], false),
        ("x=y,z=w", &[("x", "w"), ("z", "w")], false),
        ("x!=y,z!=w", &[("x", "z"), ("z", "w")], false),
        ("x", &[("y", "z")], false),
        ("!x", &[("x", "z")], false),
        ("x>1", &[("x", "0")], false),
        ("x<1", &[("x", "2")], false),
        ("x>1", &[("x", "v2")], false),
        ("x>1", &[], false),
        ("x!=y", &[], true),
        ("x in (a,)", &[("x", "")], true),
        ("x in ()", &[], false),
        ("x notin ()", &[("y", "")], true),
        ("foo=bar,foobar=bar,baz=blah", &[("foo", "bar"), ("baz", "blah")], false),
    ];
    for (text, pairs, expected) in cases {
        let selector = Selector::parse(text);
        assert_eq!(selector.map(|selector| selector.matches_labels(Some(&labels(pairs)))), Ok(expected), "{text}");
    }
}

#[test]
fn selectors_in_objects_select_by_labels() {
    let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
    let expression = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]});
    let cases = [
        (json!({"matchLabels": {"app": "web"}}), Some(true), "app=web"),
        (json!({"matchLabels": {"app": "db"}}), Some(false), "app=db"),
        (json!({}), Some(true), ""),
        (Value::Null, Some(false), ""),
        (expression("In", &["web", "db"]), Some(true), "app in (db,web)"),
        (expression("NotIn", &["web"]), Some(false), "app notin (web)"),
        (
            json!({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["web"]}]}),
            Some(true),
            "other notin (web)",
        ),
        (expression("Exists", &[]), Some(true), "app"),
        (expression("DoesNotExist", &[]), Some(false), "!app"),
        // What cannot be read selects nothing, and is no selector for everything or for what is there.
        (expression("Bogus", &[]), None, "\"Bogus\" is not a valid label selector operator"),
        (expression("Gt", &["1"]), None, "\"Gt\" is not a valid label selector operator"),
        (
            expression("In", &[]),
            None,
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            expression("Exists", &["a"]),
            None,
            "values: Invalid value: [\"a\"]: values set must be empty for exists and does not exist",
        ),
    ];
    for (selector, expected, text) in cases {
        match Selector::of(Some(&selector)) {
            Ok(read) => {
                assert_eq!((Some(read.matches(&object)), read.to_string().as_str()), (expected, text), "{selector}")
            }
            Err(error) => assert_eq!((None, error.to_string().as_str()), (expected, text), "{selector}"),
        }
    }
    assert!(!Selector::nothing().matches(&object) && !Selector::nothing().is_everything());
    assert!(Selector::default().is_everything());
    for (map, expected) in [(json!({"app": "web"}), true), (json!({"app": "db"}), false), (json!({}), false)] {
        assert_eq!(Selector::of_labels(Some(&map)).matches(&object), expected, "{map}");
    }
    assert!(!Selector::of_labels(None).matches(&object));
}

#[test]
fn an_index_finds_what_is_selected_by_one_label() {
    let pair =
        |text: &str| Selector::parse(text).ok().and_then(|it| it.pair().map(|(key, value)| format!("{key}={value}")));
    assert_eq!(pair("a,b=c").as_deref(), Some("b=c"));
    assert_eq!(pair("b in (c)").as_deref(), Some("b=c"));
    assert_eq!(pair("b in (c,d),e!=f,!g"), None);
}

#[test]
fn nodes_are_selected_by_labels_and_by_their_names() {
    let node = json!({"metadata": {"name": "one", "labels": {"disk": "ssd", "size": "5"}}});
    let by = |list: &str, key: &str, operator: &str, values: &[&str]| json!({list: [{"key": key, "operator": operator, "values": values}]});
    let labels = |key: &str, operator: &str, values: &[&str]| json!([by("matchExpressions", key, operator, values)]);
    let cases = [
        (labels("disk", "In", &["ssd"]), true),
        (labels("disk", "NotIn", &["ssd"]), false),
        (labels("zone", "NotIn", &["a"]), true),
        (labels("zone", "DoesNotExist", &[]), true),
        (labels("size", "Gt", &["4"]), true),
        (labels("size", "Lt", &["4"]), false),
        (labels("disk", "Gt", &["4"]), false),
        (labels("size", "Gt", &["4", "5"]), false),
        (labels("size", "Gt", &["x"]), false),
        (labels("disk", "Bogus", &[]), false),
        (json!([{}]), false),
        (json!([]), false),
        (json!([{}, by("matchFields", "metadata.name", "In", &["one"])]), true),
        (json!([by("matchFields", "metadata.name", "In", &["two"])]), false),
        (json!([by("matchFields", "spec.x", "In", &["one"])]), false),
    ];
    for (terms, expected) in cases {
        assert_eq!(node_matches(&json!({"nodeSelectorTerms": terms}), &node), expected, "{terms}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic_and_what_is_written_reads_the_same(text in "[-ab!=<>(), ä]{0,16}|([ab] (in|notin) \\([ab,]{0,4}\\),?){0,3}") {
        if let Ok(selector) = Selector::parse(&text) {
            proptest::prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }
    }
}
