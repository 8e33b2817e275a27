//! Running the user's function: from a program, a configuration and a function to a checked graph.

use std::error::Error;
use std::fmt;

use crate::config::{Config, ConfigError};
use crate::graph::Graph;
use crate::path::{FieldPath, PathError};
use crate::problem::{Problem, ProblemKind, Problems};
use crate::site::Site;
use crate::stack::Stack;

/// The function that declares a stack. It is called once per run, and may be called from a test as often as one likes.
pub type Declare = fn(&Stack, &Config) -> Result;

/// What a declaration returns.
pub type Result<T = (), E = DeclarationError> = std::result::Result<T, E>;

/// What kept a declaration from being finished, such as a missing configuration value, with the line that returned it.
///
/// It is a standard error, so that `?` takes it into [`anyhow::Error`] and the like. The other way round, `?` makes it from
/// `anyhow::Error`, from the errors of this crate and of the standard library, and from text; [`other`](Self::other) takes the rest.
///
/// ```
/// use holm_core::declare::Result;
///
/// fn image(tag: &str) -> Result<String> {
///     let list = std::fs::read_to_string("images.txt")?;
///     let known = list.lines().find(|line| line.ends_with(tag));
///     known.map(str::to_owned).ok_or_else(|| format!("images.txt has no tag {tag}").into())
/// }
/// # assert!(image("1").is_err());
/// ```
#[derive(Debug)]
pub struct DeclarationError {
    source: Box<dyn Error + Send + Sync>,
    site: Site,
}

impl DeclarationError {
    /// An error in the program's own words. Must not hold a secret.
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Self { source: message.into().into(), site: Site::caller() }
    }

    /// Wraps any other error: `parse(text).map_err(holm::Error::other)?`.
    #[track_caller]
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: error.into(), site: Site::caller() }
    }

    /// The error that it was made from, of type `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.source.downcast_ref()
    }

    /// The line of the program that made it: the one with the `?`.
    pub fn site(&self) -> Site {
        self.site
    }

    /// The error and its sources in one line, those left out that the text before already holds.
    fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            let cause = error.to_string();
            if !text.contains(&cause) {
                text.push_str(": ");
                text.push_str(&cause);
            }
            source = error.source();
        }
        text
    }
}

impl fmt::Display for DeclarationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)
    }
}

impl Error for DeclarationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

/// A blanket implementation for every error would rule out that this one is an error itself.
macro_rules! from_errors {
    ($($error:ty)*) => {$(
        impl From<$error> for DeclarationError {
            #[track_caller]
            fn from(error: $error) -> Self {
                Self::other(error)
            }
        }
    )*};
}

from_errors! {
    &str
    String
    Box<dyn Error + Send + Sync>
    anyhow::Error
    base64::DecodeError
    serde_json::Error
    std::char::ParseCharError
    std::env::VarError
    std::fmt::Error
    std::io::Error
    std::net::AddrParseError
    std::num::ParseFloatError
    std::num::ParseIntError
    std::num::TryFromIntError
    std::path::StripPrefixError
    std::str::ParseBoolError
    std::str::Utf8Error
    std::string::FromUtf8Error
    ConfigError
    PathError
    Problems
}

/// Declares the stack that `config` names and checks it. `namespace` is where resources without one of their own go, until
/// the declaration says otherwise.
///
/// # Errors
/// All problems at once; only the declaration's own error where it did not come to its end, because half a stack has
/// problems that the whole one does not.
pub fn graph(
    program: &str,
    namespace: Option<&str>,
    config: &Config,
    declare: impl FnOnce(&Stack, &Config) -> Result,
) -> Result<Graph, Problems> {
    let stack = Stack::new(program, config.stack(), namespace);
    match declare(&stack, config) {
        Ok(()) => stack.build(),
        Err(error) => Err(not_finished(&error)),
    }
}

/// A stack that is only read or destroyed, which works without a valid declaration.
#[derive(Debug)]
pub struct Outline {
    /// The stack, as far as it is declared. It has no edges where there are problems.
    pub graph: Graph,
    /// What is wrong with the declaration; none where it is valid.
    pub problems: Option<Problems>,
    /// Whether the declaration returned before it named a namespace, so that where the stack lives is not certain.
    pub may_lack_namespace: bool,
}

/// Declares the stack as [`graph`] does, and returns what is declared of it where it has problems.
pub fn outline(
    program: &str,
    namespace: Option<&str>,
    config: &Config,
    declare: impl FnOnce(&Stack, &Config) -> Result,
) -> Outline {
    let stack = Stack::new(program, config.stack(), namespace);
    if let Err(error) = declare(&stack, config) {
        let may_lack_namespace = stack.default_namespace().as_deref() == namespace;
        return Outline { graph: stack.into_outline(), problems: Some(not_finished(&error)), may_lack_namespace };
    }
    let (graph, problems) = stack.build_or_outline();
    Outline { graph, problems, may_lack_namespace: false }
}

/// The problems of a declaration that returned an error.
fn not_finished(error: &DeclarationError) -> Problems {
    if let Some(problems) = error.downcast_ref::<Problems>() {
        return problems.clone();
    }
    let kind = match error.downcast_ref() {
        Some(ConfigError::Missing { key, variable }) => {
            ProblemKind::NotConfigured { key: key.clone(), variable: variable.clone() }
        }
        _ => ProblemKind::Declaration(error.chain()),
    };
    Problems(vec![Problem { kind, resource: None, path: FieldPath::root(), site: Some(error.site()), hint: None }])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: u32 = line!();
    fn needs_a_number(_: &Stack, config: &Config) -> Result {
        let text: String = config.require("replicas")?;
        let _: u16 = text.parse()?;
        Ok(())
    }

    fn problem(config: &Config, declare: fn(&Stack, &Config) -> Result) -> Problem {
        graph("test", None, config, declare).expect_err("it fails").0.remove(0)
    }

    #[test]
    fn an_outline_has_what_is_declared_of_a_stack_with_problems() {
        fn declare(stack: &Stack, config: &Config) -> Result {
            stack.in_namespace("web");
            let map =
                |name: &str| serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
            stack.add(crate::Manifest::new(map("a")));
            stack.add(crate::Manifest::new(map("a")));
            stack.add(crate::Manifest::new(map("")));
            config.require::<String>("image")?;
            stack.add(crate::Manifest::new(map("b")));
            Ok(())
        }
        let names = |outline: &Outline| -> Vec<String> {
            outline.graph.resources().iter().map(|resource| resource.id.to_string()).collect()
        };
        let cut = outline("test", None, &Config::new("dev"), declare);
        assert_eq!((names(&cut), cut.graph.namespace()), (vec!["ConfigMap/web/a".to_owned()], Some("web")));
        assert!(cut.problems.is_some_and(|problems| problems.0.len() == 1) && !cut.may_lack_namespace);
        let whole = outline("test", None, &Config::new("dev").with("image", "1"), declare);
        assert_eq!(names(&whole), ["ConfigMap/web/a", "ConfigMap/web/b"]);
        assert!(whole.problems.is_some_and(|problems| problems.0.len() == 2));
        let early = outline("test", Some("given"), &Config::new("dev"), needs_a_number);
        assert!(early.may_lack_namespace && early.graph.namespace() == Some("given"));
    }

    #[test]
    fn any_error_ends_a_declaration_with_its_text_and_the_line_of_its_question_mark() {
        let malformed = problem(&Config::new("dev").with("replicas", "many"), needs_a_number);
        insta::assert_snapshot!(malformed, @"invalid digit found in string");
        assert_eq!(malformed.site.map(|site| site.line), Some(LINE + 3));
        let missing = problem(&Config::new("dev"), needs_a_number);
        insta::assert_snapshot!(missing, @r#"the configuration value "replicas" is not set"#);
        assert_eq!(missing.site.map(|site| site.line), Some(LINE + 2));
        assert!(graph("test", None, &Config::new("dev").with("replicas", "2"), needs_a_number).is_ok());
    }

    #[test]
    fn a_value_of_the_wrong_type_is_an_error_with_its_key_and_the_reason() {
        let config = Config::new("dev").with("replicas", "70000").with("debug", "yes").with("address", "here");
        let texts = [
            config.require::<u16>("replicas").map(|_| ()),
            config.parse_or("debug", false).map(|_| ()),
            config.require::<std::net::IpAddr>("address").map(|_| ()),
            config.require::<u16>("missing").map(|_| ()),
        ];
        let texts: Vec<String> =
            texts.into_iter().map(|result| result.expect_err("none can be read").to_string()).collect();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        the configuration value "replicas" must be an integer: number too large to fit in target type
        the configuration value "debug" must be true or false: provided string was not `true` or `false`
        the configuration value "address" must be a valid IpAddr: invalid IP address syntax
        the configuration value "missing" is not set
        "#);
    }

    #[test]
    fn errors_of_other_libraries_and_texts_turn_into_it_and_it_is_an_error_itself() {
        fn from_anyhow() -> Result {
            Err(anyhow::anyhow!("inner").context("outer"))?
        }
        fn from_text() -> Result {
            Err(format!("no image for {}", "arm64").into())
        }
        fn into_anyhow() -> anyhow::Result<()> {
            from_text()?;
            Ok(())
        }
        let text = |declared: Result| declared.expect_err("it fails").chain();
        assert_eq!(text(from_anyhow()), "outer: inner");
        assert_eq!(text(from_text()), "no image for arm64");
        assert_eq!(into_anyhow().expect_err("it fails").to_string(), "no image for arm64");
        let error: Box<dyn Error + Send + Sync> = DeclarationError::new("boxed").into();
        assert_eq!(error.to_string(), "boxed");
        let missing = std::fs::read_to_string("/does/not/exist").map_err(DeclarationError::from).expect_err("no file");
        assert!(missing.downcast_ref::<std::io::Error>().is_some());
    }
}
