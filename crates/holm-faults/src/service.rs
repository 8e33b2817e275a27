//! The layer: passes requests on, or does what is ordered.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyDataStream, BodyExt, Full, StreamBody};
use kube::client::Body;
use serde_json::json;
use tower::{Layer, Service, ServiceExt};

use super::{Fault, Faults, Request};

/// Why there is no answer.
pub type NoAnswer = io::Error;

/// The body of an answer.
pub type AnswerBody = UnsyncBoxBody<Bytes, NoAnswer>;

/// How long a withheld answer is withheld, unless the client gives up first.
const WITHHELD: Duration = Duration::from_secs(60);

const CONFLICT: &str = "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again";
const LATER: &str = "the server is currently unable to handle the request";
const BROKEN: &str = "an error on the server has prevented the request from succeeding";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A service behind [`Faults`].
#[derive(Clone, Debug)]
pub struct FaultService<S> {
    inner: S,
    faults: Faults,
}

impl Faults {
    /// A client whose requests pass by here before they go to `inner`. Neither should retry by itself.
    pub fn client(&self, inner: &kube::Client) -> kube::Client {
        let (inner, namespace) = (inner.clone(), inner.default_namespace().to_owned());
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let inner = inner.clone();
            async move { inner.send(request).await }
        });
        kube::Client::new(self.layer(service), namespace)
    }
}

impl<S> Layer<S> for Faults {
    type Service = FaultService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FaultService { inner, faults: self.clone() }
    }
}

impl<S, B> Service<http::Request<Body>> for FaultService<S>
where
    S: Service<http::Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<AnswerBody>;
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NoAnswer>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), NoAnswer>> {
        self.inner.poll_ready(context).map_err(no_answer)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        // The service that is ready is used up, and its clone, which may not be, stays.
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        let faults = self.faults.clone();
        Box::pin(async move { faults.pass(request, inner).await })
    }
}

impl Faults {
    async fn pass<S, B>(&self, request: http::Request<Body>, inner: S) -> Result<Response<AnswerBody>, NoAnswer>
    where
        S: Service<http::Request<Body>, Response = Response<B>>,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if self.is_killed() {
            // The client is dead.
            std::future::pending::<()>().await;
        }
        let mut read = Request::of(&request);
        let is_watch = read.verb == "watch";
        read.is_watched = is_watch || self.has_open_watches();
        let (number, fault) = self.meet(read);
        let forward = async {
            let answer = inner.oneshot(request).await.map_err(no_answer)?;
            self.answered(number, answer.status().as_u16());
            Ok::<_, NoAnswer>(answer)
        };
        let refuse = |status: StatusCode, reason: &str, message: &str, after: Option<u32>| {
            self.answered(number, status.as_u16());
            Ok(refusal(status, reason, message, after))
        };
        match fault {
            None => Ok(self.answer(forward.await?, is_watch, false)),
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time).await;
                Ok(self.answer(forward.await?, is_watch, false))
            }
            Some(Fault::CutWatch) => {
                self.inner.cut.send_modify(|times| *times += 1);
                Ok(self.answer(forward.await?, is_watch, is_watch))
            }
            Some(Fault::KillBefore) => self.kill().await,
            Some(Fault::KillAfter) => {
                finished(forward.await?, is_watch).await;
                self.kill().await
            }
            Some(Fault::Conflict) => refuse(StatusCode::CONFLICT, "Conflict", CONFLICT, None),
            Some(Fault::Throttled { retry_after }) => {
                refuse(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", LATER, Some(retry_after))
            }
            Some(Fault::Broken) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", BROKEN, None),
            Some(Fault::Unavailable { retry_after }) => {
                refuse(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", LATER, Some(retry_after))
            }
            Some(Fault::Reset) => Err(reset()),
            Some(Fault::Lost) => {
                finished(forward.await?, is_watch).await;
                Err(reset())
            }
            Some(Fault::Timeout) => {
                finished(forward.await?, is_watch).await;
                tokio::time::sleep(WITHHELD).await;
                Err(reset())
            }
        }
    }

    async fn kill<T>(&self) -> T {
        self.inner.killed.send_replace(true);
        std::future::pending().await
    }

    /// The answer as the client gets it. A watch ends when the watches are cut.
    fn answer<B>(&self, response: Response<B>, is_watch: bool, is_cut: bool) -> Response<AnswerBody>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = response.into_parts();
        if !is_watch || !head.status.is_success() {
            return Response::from_parts(head, body.map_err(no_answer).boxed_unsync());
        }
        let open = OpenWatch::begin(self);
        let mut cut = self.inner.cut.subscribe();
        let end = async move {
            if !is_cut && cut.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let chunks = BodyDataStream::new(body).take_until(Box::pin(end)).map(move |chunk| {
            // It is open for as long as its events are read.
            let _open = &open;
            chunk.map(Frame::data).map_err(no_answer)
        });
        Response::from_parts(head, BodyExt::boxed_unsync(StreamBody::new(chunks)))
    }
}

/// Counts a watch for as long as it is open.
struct OpenWatch(Faults);

impl OpenWatch {
    fn begin(faults: &Faults) -> Self {
        faults.inner.watches.fetch_add(1, Ordering::SeqCst);
        Self(faults.clone())
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.0.inner.watches.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for the end of an answer: then the server has done what it was asked. A watch has no end.
async fn finished<B: http_body::Body>(response: Response<B>, is_watch: bool) {
    if !is_watch {
        // Whether the answer can be read does not matter: nobody will.
        let _ = response.into_body().collect().await;
    }
}

fn no_answer(error: impl Into<BoxError>) -> NoAnswer {
    io::Error::other(error)
}

fn reset() -> NoAnswer {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset, as it was ordered")
}

fn refusal(status: StatusCode, reason: &str, message: &str, after: Option<u32>) -> Response<AnswerBody> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "reason": reason, "message": message, "code": status.as_u16(),
    });
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = after {
        headers.insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}
