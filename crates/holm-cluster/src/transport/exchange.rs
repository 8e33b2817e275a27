//! One try of one request.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::time::{Instant, timeout};

use super::credentials::Credential;
use super::{Answer, Call, FIRST_ANSWER, Transport, failed, gzip, link, status};
use crate::error::{RequestError, Trouble};

/// A failed try, and how long the server asks to wait.
type Failure = (Trouble, Option<Duration>);

impl Transport {
    /// Makes a request once; twice where its credential has expired meanwhile.
    pub(super) async fn attempt(&self, call: &Call<'_>, attempt: u32) -> Result<Answer, Failure> {
        let used = self.link.current().await.map_err(|trouble| (trouble, None))?.1;
        match self.once(call, attempt, &used).await {
            Err((Trouble::Unauthorized(_), _)) if self.link.is_renewed(&used).await => {
                let renewed = self.link.current().await.map_err(|trouble| (trouble, None))?.1;
                self.once(call, attempt, &renewed).await
            }
            other => other,
        }
    }

    async fn once(&self, call: &Call<'_>, attempt: u32, credential: &Credential) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let mut request = Request::builder().method(&call.method).uri(&call.path).header(ACCEPT, call.accept);
        request = request.header(ACCEPT_ENCODING, "gzip").header(USER_AGENT, self.user_agent.value());
        if let Some(authorization) = link::authorization(credential) {
            request = request.header(AUTHORIZATION, authorization);
        }
        let mut body = Body::empty();
        if let Some((content_type, bytes)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type);
            body = Body::from(bytes.clone());
        }
        let request = request.body(body).map_err(|cause| (Trouble::Malformed(cause.to_string()), None))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let guard = TraceGuard { transport: self, call, attempt, begun, status: None };
        self.exchange(request, call, attempt, guard).await
    }

    async fn exchange(
        &self,
        request: Request<Body>,
        call: &Call<'_>,
        attempt: u32,
        mut guard: TraceGuard<'_>,
    ) -> Result<Answer, Failure> {
        let (head, body) = self.send(request).await.map_err(|trouble| (trouble, None))?.into_parts();
        guard.status = Some(head.status.as_u16());
        self.collect_warnings(&head.headers, call.about);
        let body = self.read_all(body).await.map_err(|trouble| (trouble, None))?;
        let body = gzip::unpacked(&head.headers, body).map_err(|trouble| (trouble, None))?;
        if head.status.is_success() {
            return Ok(Answer { status: head.status.as_u16(), body, tries: attempt });
        }
        let trouble = status::trouble(head.status.as_u16(), &body, &|text| self.scrub(text));
        Err((trouble, retry_after(&head.headers)))
    }

    /// Begins a watch: one try, and no limit on how long it lasts.
    pub(crate) async fn open(&self, path: &str) -> Result<Response<Body>, Box<RequestError>> {
        self.open_as(path, super::JSON).await
    }

    /// Begins a stream of text, such as a log: one try, and no limit on how long it lasts.
    pub(crate) async fn open_text(&self, path: &str) -> Result<Response<Body>, Box<RequestError>> {
        self.open_as(path, "*/*").await
    }

    async fn open_as(&self, path: &str, accept: &str) -> Result<Response<Body>, Box<RequestError>> {
        let begun = Instant::now();
        let error = |trouble| Box::new(failed(&Method::GET, path, 1, trouble));
        let mut used = self.link.current().await.map_err(error)?.1;
        let mut response = self.watch(path, accept, &used).await;
        if matches!(&response, Ok(response) if response.status().as_u16() == 401) && self.link.is_renewed(&used).await {
            used = self.link.current().await.map_err(error)?.1;
            response = self.watch(path, accept, &used).await;
        }
        let status = response.as_ref().ok().map(|response| response.status().as_u16());
        self.traced(&Method::GET, path, status, begun.elapsed(), 1);
        let response = response.map_err(error)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let body = self.read_all(response.into_body()).await.unwrap_or_default();
        Err(error(status::trouble(code, &body, &|text| self.scrub(text))))
    }

    async fn watch(&self, path: &str, accept: &str, credential: &Credential) -> Result<Response<Body>, Trouble> {
        // Since 1.37 a server compresses each event of a watch by itself, which common decoders end after the first.
        let mut request = Request::get(path).header(ACCEPT, accept).header(ACCEPT_ENCODING, "identity");
        if let Some(authorization) = link::authorization(credential) {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.header(USER_AGENT, self.user_agent.value()).body(Body::empty());
        let request = request.map_err(|cause| Trouble::Malformed(cause.to_string()))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.send(request).await
    }

    /// Sends a request and waits for the head of its answer.
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Trouble> {
        let client = self.link.current().await?.0;
        let is_first = !self.has_answered.load(Ordering::Relaxed);
        let silence = if is_first { self.silence.min(FIRST_ANSWER) } else { self.silence };
        let response = match timeout(silence, client.send(request)).await {
            Ok(sent) => sent.map_err(|cause| self.scrubbed(self.link.trouble(&cause)))?,
            Err(_) => return Err(Trouble::Timeout(silence.as_secs())),
        };
        self.has_answered.store(true, Ordering::Relaxed);
        self.clock.read(response.headers());
        Ok(response)
    }

    /// Reads a body for as long as it goes on arriving.
    async fn read_all(&self, mut body: Body) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        loop {
            match timeout(self.silence, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        bytes.extend_from_slice(&data);
                    }
                }
                Ok(Some(Err(cause))) => return Err(self.scrubbed(self.link.trouble(&cause))),
                Ok(None) => return Ok(bytes),
                Err(_) => return Err(Trouble::Timeout(self.silence.as_secs())),
            }
        }
    }
}

/// Traces a request when it ends, also when it is given up in the middle.
struct TraceGuard<'a> {
    transport: &'a Transport,
    call: &'a Call<'a>,
    attempt: u32,
    begun: Instant,
    status: Option<u16>,
}

impl Drop for TraceGuard<'_> {
    fn drop(&mut self) {
        self.transport.traced(&self.call.method, &self.call.path, self.status, self.begun.elapsed(), self.attempt);
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
