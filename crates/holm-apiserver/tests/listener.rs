//! What a client keeps waiting on the listener ends: the runtime's time is paused, so that it jumps over what is waited for.
#![cfg(feature = "listen")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use holm_apiserver::{ApiServer, GroupVersionResource, Listener, Objects, WriteOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

struct Server {
    api: ApiServer,
    listener: Listener,
}

impl Server {
    async fn start() -> Self {
        let api = ApiServer::new().unwrap();
        let listener = api.listen(0).await.unwrap();
        Self { api, listener }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let config = self.listener.kubeconfig();
        let certificate = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap();
        let certificate = base64::engine::general_purpose::STANDARD.decode(certificate).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&certificate).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.listener.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }

    fn request(&self, line: &str) -> Vec<u8> {
        let config = self.listener.kubeconfig();
        let token = config["users"][0]["user"]["token"].as_str().unwrap();
        format!("{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
    }

    fn config_maps(&self) -> Objects {
        self.api.objects(&GroupVersionResource::new("", "v1", "configmaps")).unwrap()
    }
}

/// Reads until the server closes the connection, and tells how many bytes that were.
async fn read_to_end(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> usize {
    let (mut total, mut buffer) = (0, vec![0; 65_536]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return total,
            Ok(count) => total += count,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let server = Server::start().await;
    let mut silent = TcpStream::connect(server.listener.address()).await.unwrap();
    assert_eq!(read_to_end(&mut silent).await, 0);
    // Neither is one that has only shaken hands, nor one that stops in its request.
    for begun in ["", "GET /ver", "GET /version HTTP/1.1\r\nhost: local"] {
        let mut stream = server.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let request = server.request("POST /api/v1/namespaces/default/configmaps");
    let request = String::from_utf8(request).unwrap().replace("\r\n\r\n", "\r\ncontent-length: 100\r\n\r\n{");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 504");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_used_stays_and_one_that_is_idle_is_closed() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let path = "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Done";
    stream.write_all(&server.request(&format!("GET {path}&timeoutSeconds=1000"))).await.unwrap();
    // Nothing happens for longer than an idle connection lasts.
    tokio::time::sleep(Duration::from_secs(500)).await;
    let one = json!({"metadata": {"name": "one", "namespace": "default"}});
    server.config_maps().create(one, &WriteOptions::by("test")).unwrap();
    let mut seen = String::new();
    while !seen.contains("ADDED") {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the watch ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    let before = Instant::now();
    read_to_end(&mut stream).await;
    let waited = before.elapsed().as_secs();
    assert!((500..=600).contains(&waited), "the watch and then the idle connection end by their times: {waited}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_nobody_reads_is_ended() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    stream.write_all(&server.request("GET /api/v1/configmaps?watch=true&timeoutSeconds=100000")).await.unwrap();
    let objects = server.config_maps();
    let large = |number: usize| -> Value {
        json!({"metadata": {"name": "large", "namespace": "default"}, "data": {"k": number.to_string().repeat(200_000)}})
    };
    objects.create(large(0), &WriteOptions::by("test")).unwrap();
    for number in 1..100 {
        objects.update(large(number % 10), &WriteOptions::by("test")).unwrap();
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_secs(300)).await;
    // What the sockets hold is still there, and not all of the 20 MB.
    let read = read_to_end(&mut stream).await;
    assert!(read < 15_000_000, "{read}");
}

#[tokio::test]
async fn answers_have_the_headers_that_tell_of_the_request() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    stream.write_all(&server.request("GET /version")).await.unwrap();
    let mut answer = String::new();
    while !answer.contains("\r\n\r\n") {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        answer.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    assert!(answer.contains("cache-control: no-cache, private\r\n"), "{answer}");
    let id = answer.lines().find_map(|line| line.strip_prefix("audit-id: ")).unwrap();
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
}
