//! Counts requests and does one chosen thing at one of them.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyDataStream, BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use serde_json::json;
use tokio::sync::watch;

use super::Fault;

/// An error that says that there is no answer.
pub type NoAnswer = io::Error;

/// The body of an answer.
pub type AnswerBody = UnsyncBoxBody<Bytes, NoAnswer>;

/// How long a withheld answer is withheld, unless the client gives up first.
const WITHHELD: Duration = Duration::from_secs(60);

/// One request that came by.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method and the path, without the query.
    pub line: String,
    /// Whether it writes, dry-runs included.
    pub writes: bool,
    /// Whether a watch was open when it came, or it is one.
    pub is_watched: bool,
}

/// Stands between a client and the server.
#[derive(Debug)]
pub struct Injector {
    /// The request and what is done at it; none only counts.
    order: Option<(u64, Fault)>,
    count: AtomicU64,
    has_fired: AtomicBool,
    seen: Mutex<Vec<Seen>>,
    struck: Mutex<Option<String>>,
    watches: AtomicU64,
    killed: watch::Sender<bool>,
    cut: watch::Sender<u64>,
}

impl Injector {
    /// One that does what is ordered at the request of this number, counted from 1, or the first later one at which it can
    /// be done.
    pub fn new(order: Option<(u64, Fault)>) -> Self {
        Self {
            order,
            count: AtomicU64::new(0),
            has_fired: AtomicBool::new(false),
            seen: Mutex::default(),
            struck: Mutex::default(),
            watches: AtomicU64::new(0),
            killed: watch::Sender::new(false),
            cut: watch::Sender::new(0),
        }
    }

    /// The requests that came by.
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.seen).clone()
    }

    /// The request at which it was done; none where it never was.
    pub fn struck(&self) -> Option<String> {
        locked(&self.struck).clone()
    }

    /// Waits until the run is to be killed.
    pub async fn killed(&self) {
        let mut killed = self.killed.subscribe();
        // The sender lives as long as this does.
        let _ = killed.wait_for(|is_killed| *is_killed).await;
    }

    /// Passes a request on, or does what is ordered.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn pass<F, Fut>(&self, request: Request<Body>, forward: F) -> Result<Response<AnswerBody>, NoAnswer>
    where
        F: FnOnce(Request<Body>) -> Fut,
        Fut: Future<Output = Result<Response<Body>, kube::Error>>,
    {
        if *self.killed.borrow() {
            // The client is dead.
            std::future::pending::<()>().await;
        }
        let is_watch = request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "watch=true"));
        let line = format!("{} {}", request.method(), request.uri().path());
        let writes = request.method() != Method::GET;
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let is_watched = is_watch || self.watches.load(Ordering::SeqCst) > 0;
        locked(&self.seen).push(Seen { line: line.clone(), writes, is_watched });
        let Some(fault) = self.strikes(number, writes, is_watched) else {
            return forward(request).await.map(|answer| self.answer(answer, is_watch, false)).map_err(no_answer);
        };
        *locked(&self.struck) = Some(line);
        match fault {
            Fault::KillBefore => self.kill().await,
            Fault::KillAfter => {
                finished(forward(request).await.map_err(no_answer)?, is_watch).await;
                self.kill().await
            }
            Fault::Conflict => Ok(refusal(StatusCode::CONFLICT, "Conflict", CONFLICT, None)),
            Fault::Throttled => Ok(refusal(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", LATER, Some(1))),
            Fault::Broken => Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", BROKEN, None)),
            Fault::Unavailable => Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", LATER, Some(1))),
            Fault::Reset => Err(reset()),
            Fault::Lost => {
                finished(forward(request).await.map_err(no_answer)?, is_watch).await;
                Err(reset())
            }
            Fault::Timeout => {
                finished(forward(request).await.map_err(no_answer)?, is_watch).await;
                tokio::time::sleep(WITHHELD).await;
                Err(reset())
            }
            Fault::CutWatch => {
                self.cut.send_modify(|times| *times += 1);
                forward(request).await.map(|answer| self.answer(answer, is_watch, is_watch)).map_err(no_answer)
            }
        }
    }

    fn strikes(&self, number: u64, writes: bool, is_watched: bool) -> Option<Fault> {
        let (at, fault) = self.order.filter(|(at, _)| number >= *at)?;
        let is_possible = match fault {
            Fault::Conflict => writes,
            Fault::CutWatch => is_watched,
            _ => number == at,
        };
        (is_possible && !self.has_fired.swap(true, Ordering::SeqCst)).then_some(fault)
    }

    async fn kill(&self) -> ! {
        self.killed.send_replace(true);
        std::future::pending().await
    }

    /// The answer as the client gets it. A watch ends when the watches are cut.
    fn answer(&self, response: Response<Body>, is_watch: bool, is_cut: bool) -> Response<AnswerBody> {
        let (head, body) = response.into_parts();
        if !is_watch || !head.status.is_success() {
            return Response::from_parts(head, body.map_err(no_answer).boxed_unsync());
        }
        self.watches.fetch_add(1, Ordering::SeqCst);
        let mut cut = self.cut.subscribe();
        let end = async move {
            if !is_cut && cut.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let chunks =
            BodyDataStream::new(body).take_until(Box::pin(end)).map(|chunk| chunk.map(Frame::data).map_err(no_answer));
        Response::from_parts(head, BodyExt::boxed_unsync(StreamBody::new(chunks)))
    }
}

const CONFLICT: &str = "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again";
const LATER: &str = "the server is currently unable to handle the request";
const BROKEN: &str = "an error on the server has prevented the request from succeeding";

/// Waits for the end of an answer: then the server has done what it was asked. A watch has no end.
async fn finished(response: Response<Body>, is_watch: bool) {
    if !is_watch {
        // Whether the answer can be read does not matter: nobody will.
        let _ = response.into_body().collect_bytes().await;
    }
}

fn no_answer(error: kube::Error) -> NoAnswer {
    io::Error::other(error)
}

fn reset() -> NoAnswer {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by the fault harness")
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
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    if let Some(seconds) = after {
        headers.insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
