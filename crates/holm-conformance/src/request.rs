//! A request as the tests write it, and the answer of a server.

use http::Method;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;

/// A request to an API server.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The verb of HTTP.
    pub method: &'a Method,
    /// The path with its query.
    pub path: &'a str,
    /// What the body is: `apply`, `merge`, `json-patch`, `strategic`, a media type, or nothing for JSON.
    pub content: &'a str,
    /// The name of the client, by which it owns fields.
    pub agent: &'a str,
    /// The body. A text is sent as it is, everything else as JSON.
    pub body: Option<&'a Value>,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The code of HTTP.
    pub code: u16,
    /// What the body is.
    pub media_type: String,
    /// The warnings, in their order.
    pub warnings: Vec<String>,
    /// The body, if it is JSON.
    pub body: Value,
    /// The body, if it is not.
    pub text: String,
    /// The lines of a watch.
    pub lines: Vec<Value>,
}

fn media_type(word: &str) -> &str {
    match word {
        "apply" => "application/apply-patch+yaml",
        "merge" => "application/merge-patch+json",
        "json-patch" => "application/json-patch+json",
        "strategic" => "application/strategic-merge-patch+json",
        "" => "application/json",
        other => other,
    }
}

impl Request<'_> {
    /// Sends it. The answer of a watch comes when the server ends it.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send(self, client: &kube::Client) -> Result<Answer, kube::Error> {
        self.send_accepting(client, "application/json").await
    }

    /// Sends it, and asks for an answer of this media type.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send_accepting(self, client: &kube::Client, accept: &str) -> Result<Answer, kube::Error> {
        let mut request = http::Request::builder().method(self.method).uri(self.path);
        request = request.header("accept", accept).header("user-agent", format!("{}/1.0", self.agent));
        let bytes = match self.body {
            Some(Value::String(raw)) => raw.clone().into_bytes(),
            Some(value) => value.to_string().into_bytes(),
            None => Vec::new(),
        };
        if self.body.is_some() {
            request = request.header("content-type", media_type(self.content));
        }
        let request = request.body(Body::from(bytes)).map_err(kube::Error::HttpError)?;
        let answer = client.send(request).await?;
        let code = answer.status().as_u16();
        let texts = |name: &str| -> Vec<String> {
            let values = answer.headers().get_all(name).iter();
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
        };
        let (warnings, media_type) = (texts("warning"), texts("content-type").concat());
        let bytes = answer.into_body().collect().await?.to_bytes();
        if !media_type.contains("json") {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            return Ok(Answer { code, media_type, warnings, body: Value::Null, text, lines: Vec::new() });
        }
        let lines: Vec<Value> =
            serde_json::Deserializer::from_slice(&bytes).into_iter().map_while(Result::ok).collect();
        let body = lines.first().cloned().unwrap_or_default();
        Ok(Answer { code, media_type, warnings, body, text: String::new(), lines })
    }
}
