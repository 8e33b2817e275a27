//! Answers: JSON bodies, warnings, streams of events.

use std::convert::Infallible;
use std::pin::Pin;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use serde::Serialize;
use serde_json::Value;

use crate::error::ApiError;

/// The body of an answer: one piece, or the pieces of a watch.
pub type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// The form in which a client wants its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accept {
    choices: Vec<Choice>,
}

#[derive(Clone, Debug, Default)]
struct Choice {
    media_type: String,
    parameters: Vec<(String, String)>,
}

/// What JSON an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The object itself.
    Object,
    /// A table for people, with something of each object beside its row.
    Table(Beside),
    /// Only the metadata.
    Metadata,
    /// Only the metadata, of a list.
    MetadataList,
}

/// What is beside a row of a table. A client that sorts its rows by a field asks for the whole object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Metadata,
    Nothing,
    Object,
}

impl Form {
    /// The form with what a request wants beside the rows of a table.
    pub fn beside(self, wanted: Option<&str>) -> Result<Self, ApiError> {
        let Self::Table(_) = self else { return Ok(self) };
        match wanted.unwrap_or_default() {
            "" | "Metadata" => Ok(Self::Table(Beside::Metadata)),
            "None" => Ok(Self::Table(Beside::Nothing)),
            "Object" => Ok(Self::Table(Beside::Object)),
            other => Err(ApiError::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', \
                 'None', or empty"
            ))),
        }
    }
}

const YAML: &str = "application/yaml";

impl Accept {
    pub fn parse(header: &str) -> Self {
        let choices = header.split(',').map(str::trim).filter(|choice| !choice.is_empty()).map(|choice| {
            let mut parts = choice.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_owned();
            let parameters = parts
                .filter_map(|part| part.split_once('='))
                .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
            Choice { media_type, parameters: parameters.collect() }
        });
        Self { choices: choices.collect() }
    }

    /// Whether the client would rather read YAML than JSON.
    pub fn prefers_yaml(&self) -> bool {
        self.choices.iter().find(|choice| choice.is_json()).is_some_and(|choice| choice.media_type == YAML)
    }

    /// Whether one of the choices is discovery in one piece.
    pub fn aggregated_discovery(&self) -> bool {
        self.choices.iter().any(|choice| choice.is("APIGroupDiscoveryList") && choice.is_json())
    }

    /// Whether the client reads protobuf and nothing else.
    pub fn only_protobuf(&self) -> bool {
        !self.choices.is_empty() && !self.choices.iter().any(Choice::is_json)
    }

    /// The first form that can be given.
    pub fn form(&self) -> Result<Form, ApiError> {
        if self.choices.is_empty() {
            return Ok(Form::Object);
        }
        for choice in self.choices.iter().filter(|choice| choice.is_json()) {
            match choice.parameter("as") {
                None => return Ok(Form::Object),
                Some("Table") => return Ok(Form::Table(Beside::Metadata)),
                Some("PartialObjectMetadata") => return Ok(Form::Metadata),
                Some("PartialObjectMetadataList") => return Ok(Form::MetadataList),
                Some(_) => {}
            }
        }
        let refused = ApiError::not_acceptable();
        let transformed = self.choices.iter().any(|choice| choice.is_json());
        Err(if transformed { ApiError { details: None, ..refused } } else { refused })
    }
}

impl Choice {
    fn is_json(&self) -> bool {
        matches!(self.media_type.as_str(), "application/json" | "*/*" | YAML)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn is(&self, kind: &str) -> bool {
        self.parameter("as") == Some(kind)
    }
}

/// An answer of one JSON value.
pub(crate) fn answer(code: u16, value: &Value, warnings: &[String]) -> Response<AnswerBody> {
    answer_of(code, value, warnings)
}

/// An answer of something that is written as JSON.
pub(crate) fn answer_of(code: u16, value: &impl Serialize, warnings: &[String]) -> Response<AnswerBody> {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            finish(code, "application/json", warnings, Full::new(Bytes::from(body)).boxed_unsync())
        }
        Err(error) => refuse(&ApiError::internal(format!("the answer cannot be written as JSON: {error}"))),
    }
}

/// The same answer for a client that reads YAML, which JSON is.
pub(crate) fn as_yaml(mut answer: Response<AnswerBody>) -> Response<AnswerBody> {
    let headers = answer.headers_mut();
    if headers.get(http::header::CONTENT_TYPE).is_some_and(|found| found == "application/json") {
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(YAML));
    }
    answer
}

/// An answer with another media type.
pub(crate) fn typed(code: u16, media_type: &str, value: &Value) -> Response<AnswerBody> {
    let body = Bytes::from(value.to_string().into_bytes());
    finish(code, media_type, &[], Full::new(body).boxed_unsync())
}

/// An answer of plain text.
pub(crate) fn text(text: impl Into<Bytes>) -> Response<AnswerBody> {
    finish(200, "text/plain; charset=utf-8", &[], Full::new(text.into()).boxed_unsync())
}

/// The answer to a request that is refused.
pub(crate) fn refuse(error: &ApiError) -> Response<AnswerBody> {
    if *error == ApiError::no_path() {
        let body = Full::new(Bytes::from_static(b"404 page not found\n")).boxed_unsync();
        return finish(404, "text/plain; charset=utf-8", &[], body);
    }
    let mut answer = answer(error.code, &error.to_status(), &error.warnings);
    let pause = error.details.as_ref().and_then(|details| details.get("retryAfterSeconds")?.as_u64());
    if let Some(pause) = pause.filter(|pause| *pause > 0) {
        answer.headers_mut().insert(http::header::RETRY_AFTER, pause.into());
    }
    answer
}

/// An answer of many JSON values, each in a line.
pub(crate) fn stream(events: impl Stream<Item = Value> + Send + 'static) -> Response<AnswerBody> {
    let lines = events.map(|event| {
        let mut line = event.to_string().into_bytes();
        line.push(b'\n');
        Ok::<_, Infallible>(http_body::Frame::data(Bytes::from(line)))
    });
    let lines: Pin<Box<dyn Stream<Item = _> + Send>> = Box::pin(lines.chain(stream::empty()));
    finish(200, "application/json", &[], StreamBody::new(lines).boxed_unsync())
}

/// An answer with a warning behind the others.
fn warn(mut answer: Response<AnswerBody>, warning: &str) -> Response<AnswerBody> {
    if let Some(value) = header(warning) {
        answer.headers_mut().append(http::header::WARNING, value);
    }
    answer
}

/// An answer with a warning that was known before the request was looked at, so that it comes before the others.
pub(crate) fn warn_first(mut answer: Response<AnswerBody>, warning: &str) -> Response<AnswerBody> {
    let others: Vec<http::HeaderValue> = answer.headers().get_all(http::header::WARNING).iter().cloned().collect();
    if let Some(value) = header(warning) {
        answer.headers_mut().insert(http::header::WARNING, value);
        for other in others {
            answer.headers_mut().append(http::header::WARNING, other);
        }
    }
    answer
}

/// RFC 7234: code, agent, text.
fn header(warning: &str) -> Option<http::HeaderValue> {
    let text = warning.replace('\\', "\\\\").replace('"', "\\\"").replace(['\r', '\n'], " ");
    http::HeaderValue::from_str(&format!("299 - \"{text}\"")).ok()
}

fn finish(code: u16, media_type: &str, warnings: &[String], body: AnswerBody) -> Response<AnswerBody> {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    if let Ok(value) = http::HeaderValue::from_str(media_type) {
        headers.insert(http::header::CONTENT_TYPE, value);
    }
    warnings.iter().fold(answer, |answer, warning| warn(answer, warning))
}
