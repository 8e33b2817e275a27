//! Label selectors in text.

use std::collections::BTreeSet;

use super::{Requirement, Test};
use crate::names;

const OPERATORS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
const EXPECTED: &str = "in, notin, =, ==, !=, gt, lt";

/// The parts of a text: words, and operators of special characters.
struct Parts<'t> {
    rest: &'t str,
    /// The part that comes next, which is empty at the end.
    next: Part<'t>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part<'t> {
    Word(&'t str),
    Operator(&'t str),
    End,
}

impl<'t> Part<'t> {
    fn text(self) -> &'t str {
        match self {
            Self::Word(text) | Self::Operator(text) => text,
            Self::End => "",
        }
    }

    fn is(self, operator: &str) -> bool {
        self == Part::Operator(operator)
    }
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        let mut parts = Self { rest: text, next: Part::End };
        parts.take();
        parts
    }

    /// Takes the next part, and looks for the one after it.
    fn take(&mut self) -> Part<'t> {
        let is_special = |character: char| "=!(),><".contains(character);
        let is_space = |character: char| " \t\r\n".contains(character);
        self.rest = self.rest.trim_start_matches(is_space);
        let length = match self.rest.chars().next() {
            None => 0,
            Some(first) if is_special(first) => {
                // The longest operator there is.
                OPERATORS.iter().find(|operator| self.rest.starts_with(**operator)).map_or(1, |operator| operator.len())
            }
            Some(_) => {
                self.rest.find(|character| is_special(character) || is_space(character)).unwrap_or(self.rest.len())
            }
        };
        let (part, rest) = self.rest.split_at(length);
        self.rest = rest;
        let part = match part.chars().next() {
            None => Part::End,
            Some(first) if is_special(first) => Part::Operator(part),
            Some(_) => Part::Word(part),
        };
        std::mem::replace(&mut self.next, part)
    }
}

/// Reads a selector; the error is in the words of the API server.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parts = Parts::of(text);
    let mut requirements = Vec::new();
    loop {
        match parts.next {
            Part::End => return Ok(requirements),
            Part::Word(_) => {}
            part if part.is("!") => {}
            part => return Err(format!("found '{}', expected: !, identifier, or 'end of string'", part.text())),
        }
        let requirement = requirement(&mut parts);
        requirements.push(requirement.map_err(|problem| format!("unable to parse requirement: {problem}"))?);
        match parts.take() {
            Part::End => return Ok(requirements),
            part if part.is(",") => match parts.next {
                Part::Word(_) => {}
                part if part.is("!") => {}
                part => return Err(format!("found '{}', expected: identifier after ','", part.text())),
            },
            part => return Err(format!("found '{}', expected: ',' or 'end of string'", part.text())),
        }
    }
}

fn requirement(parts: &mut Parts<'_>) -> Result<Requirement, String> {
    let is_negated = parts.next.is("!");
    if is_negated {
        parts.take();
    }
    let key = match parts.take() {
        Part::Word(key) => key.to_owned(),
        part => return Err(format!("found '{}', expected: identifier", part.text())),
    };
    let problems = names::label_key(&key);
    if !problems.is_empty() {
        return Err(format!("<nil>: Invalid value: {key:?}: {}", problems.join("; ")));
    }
    if is_negated {
        return Ok(Requirement { key, test: Test::DoesNotExist });
    }
    if matches!(parts.next, Part::End) || parts.next.is(",") {
        return Ok(Requirement { key, test: Test::Exists });
    }
    let operator = parts.take();
    let values = match operator {
        Part::Word("in" | "notin") => list(parts)?,
        Part::Operator("=" | "==" | "!=" | ">" | "<") => vec![value(parts)?],
        part => return Err(format!("found '{}', expected: {EXPECTED}", part.text())),
    };
    let first = values.first().cloned().unwrap_or_default();
    let number = first.parse::<i64>();
    let mut problems = Vec::new();
    if matches!(operator.text(), "<" | ">") && number.is_err() {
        let problem = "for 'Gt', 'Lt' operators, the value must be an integer";
        problems.push(format!("values[0]: Invalid value: {first:?}: {problem}"));
    }
    for (position, value) in values.iter().enumerate() {
        let found = names::label_value(value);
        if !found.is_empty() {
            problems.push(format!("values[{position}][{key}]: Invalid value: {value:?}: {}", found.join("; ")));
        }
    }
    match problems.as_slice() {
        [] => {}
        [problem] => return Err(problem.clone()),
        several => return Err(format!("[{}]", several.join(", "))),
    }
    let test = match operator.text() {
        "in" => Test::In(values),
        "notin" => Test::NotIn(values),
        // A wrong number was a problem.
        ">" => Test::Above(number.unwrap_or_default()),
        "<" => Test::Below(number.unwrap_or_default()),
        "!=" => Test::IsNot(first),
        _ => Test::Is(first),
    };
    Ok(Requirement { key, test })
}

/// Reads the value behind an operator; it may be empty.
fn value(parts: &mut Parts<'_>) -> Result<String, String> {
    if matches!(parts.next, Part::End) || parts.next.is(",") {
        return Ok(String::new());
    }
    match parts.take() {
        Part::Word(value) => Ok(value.to_owned()),
        part => Err(format!("found '{}', expected: identifier", part.text())),
    }
}

/// Reads a list in parentheses, whose values may be empty. Each value counts once.
fn list(parts: &mut Parts<'_>) -> Result<Vec<String>, String> {
    let start = parts.take();
    if !start.is("(") {
        return Err(format!("found '{}' expected: '('", start.text()));
    }
    let mut values = BTreeSet::new();
    match parts.next {
        Part::Word(_) => {}
        part if part.is(",") => {}
        part if part.is(")") => {
            parts.take();
            return Ok(vec![String::new()]);
        }
        part => return Err(format!("found '{}', expected: ',', ')' or identifier", part.text())),
    }
    loop {
        match parts.take() {
            Part::Word(value) => {
                values.insert(value.to_owned());
                if !parts.next.is(",") && !parts.next.is(")") {
                    return Err(format!("found '{}', expected: ',' or ')'", parts.next.text()));
                }
            }
            part if part.is(",") => {
                // A value is missing in front of the first comma, between two of them, or behind the last one.
                if values.is_empty() || parts.next.is(",") || parts.next.is(")") {
                    values.insert(String::new());
                }
            }
            part => return Err(format!("found '{}', expected: ',', or identifier", part.text())),
        }
        if parts.next.is(")") {
            parts.take();
            return Ok(values.into_iter().collect());
        }
    }
}
