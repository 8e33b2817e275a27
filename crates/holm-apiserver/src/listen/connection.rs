//! One connection of the listener, and how long it may keep the server waiting.
//!
//! The times are those of a real API server, where it has them: `ReadHeaderTimeout` and `IdleTimeout` in `k8s.io/apiserver`,
//! `pkg/server/secure_serving.go`.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;

use crate::server::AnswerBody;

/// How long a client takes for its part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(32);
/// How long a connection lasts on which no request is under way: also one that has sent a part of its first.
const IDLE: Duration = Duration::from_secs(90);
/// How long an idle connection may take to be closed in an orderly way.
const CLOSING: Duration = Duration::from_secs(5);
/// How long a client may read nothing of what is written to it. A real server ends a watch that does not keep up.
const STALLED: Duration = Duration::from_secs(60);
/// How many requests may be under way on one HTTP/2 connection at the same time.
const STREAMS: u32 = 250;
/// How many bytes of answers wait for the client, on a connection of HTTP/1.1 and for a request of HTTP/2.
const HTTP1_BUFFER: usize = 128 * 1024;
const HTTP2_BUFFER: usize = 64 * 1024;

/// Serves one connection to its end.
pub(super) async fn serve<F>(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    answer: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Response<AnswerBody>> + Send + 'static,
{
    // The events of a watch are small, and each is to arrive at once.
    let _ = stream.set_nodelay(true);
    let accepted = tokio::time::timeout(HANDSHAKE, acceptor.accept(Impatient::new(stream))).await;
    let Ok(Ok(stream)) = accepted else { return };
    let (requests, under_way) = watch::channel(0);
    let requests = Arc::new(requests);
    let service = service_fn(move |request| {
        let request_under_way = UnderWay::begin(&requests);
        let answered = answer(request);
        async move {
            let answer = answered.await;
            let held = |body| Held { body, _under_way: request_under_way }.boxed_unsync();
            Ok::<Response<AnswerBody>, Infallible>(answer.map(held))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(HTTP1_BUFFER);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_send_buf_size(HTTP2_BUFFER);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // A client that goes away in the middle is no concern of the others.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = idle(under_way) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(CLOSING, connection).await;
}

/// Waits until no request has been under way for a while.
async fn idle(mut under_way: watch::Receiver<usize>) {
    loop {
        let is_idle = *under_way.borrow_and_update() == 0;
        if !is_idle {
            if under_way.changed().await.is_err() {
                return;
            }
        } else if !matches!(tokio::time::timeout(IDLE, under_way.changed()).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Counts a request while it lives: until its answer has been sent, or the client has given it up.
struct UnderWay(Arc<watch::Sender<usize>>);

impl UnderWay {
    fn begin(requests: &Arc<watch::Sender<usize>>) -> Self {
        requests.send_modify(|count| *count += 1);
        Self(Arc::clone(requests))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// The body of an answer to a request that is under way.
struct Held {
    body: AnswerBody,
    _under_way: UnderWay,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that fails when its other end has read nothing for a while of what is written to it.
struct Impatient<S> {
    stream: S,
    /// When to give up, since the last write that had to wait.
    limit: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    fn new(stream: S) -> Self {
        Self { stream, limit: None }
    }

    fn watched<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.limit = None;
            return written;
        }
        let limit = self.limit.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALLED)));
        match limit.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.watched(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
