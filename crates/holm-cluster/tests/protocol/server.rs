//! A small HTTP server that keeps objects as an API server would, far enough for one client, and does what a test orders
//! at chosen requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: Value,
    /// The head as it came, in lower case.
    pub head: String,
}

/// What is ordered for a request.
#[derive(Clone)]
pub enum Order {
    /// This answer instead of the usual one, with these header lines.
    Answer(u16, Value, &'static str),
    /// A body that is no JSON.
    Text(u16, &'static str),
    /// The connection is closed without an answer, and nothing is done.
    CloseBefore,
    /// The usual thing is done, and then the connection is closed without an answer.
    CloseAfter,
    /// The usual answer, compressed.
    Gzip,
    /// The usual answer, so many bytes at a time with a pause after each, and cut after so many pieces.
    Trickle(usize, Duration, usize),
    /// No answer.
    Hang,
    /// For a watch: these lines, and then the end of the connection.
    Lines(Vec<Value>),
}

struct Rule {
    method: &'static str,
    part: &'static str,
    times: usize,
    order: Order,
}

#[derive(Default)]
pub struct State {
    pub objects: BTreeMap<String, Value>,
    pub requests: Vec<Request>,
    /// Everything that happened: version, type, collection, object.
    log: Vec<(u64, &'static str, String, Value)>,
    version: u64,
    rules: Vec<Rule>,
}

#[derive(Clone)]
pub struct Server {
    pub address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let server = Self { address, state: Arc::default() };
        let state = Arc::clone(&server.state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
        });
        server
    }

    pub fn client(&self) -> kube::Client {
        let mut config = kube::Config::new(self.address.parse().expect("its own address"));
        config.default_retry = false;
        kube::Client::try_from(config).expect("no TLS is needed")
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds it")
    }

    /// Orders something for the next `times` requests of a method whose path and query hold `part`.
    pub fn order(&self, method: &'static str, part: &'static str, times: usize, order: Order) {
        self.state().rules.push(Rule { method, part, times, order });
    }

    /// Takes all orders back.
    pub fn behave(&self) {
        self.state().rules.clear();
    }

    /// Writes an object as somebody else would.
    pub fn write(&self, path: &str, object: Value) {
        self.state().write(path, object);
    }

    pub fn object(&self, path: &str) -> Option<Value> {
        self.state().objects.get(path).cloned()
    }

    /// The requests so far, each as `METHOD path?query`.
    pub fn lines(&self) -> Vec<String> {
        let join = |request: &Request| {
            let mark = if request.query.is_empty() { "" } else { "?" };
            format!("{} {}{mark}{}", request.method, request.path, request.query)
        };
        self.state().requests.iter().map(join).collect()
    }

    /// How many requests there were of a method whose path and query hold `part`.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(method) && line.contains(part)).count()
    }

    pub fn forget_requests(&self) {
        self.state().requests.clear();
    }
}

pub fn status(code: u16, reason: &str, message: &str, details: Value) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
        "details": details})
}

fn collection(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(collection, _)| collection)
}

impl State {
    fn write(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        let old = self.objects.get(path);
        let uid = match old {
            Some(old) => old["metadata"]["uid"].clone(),
            None => json!(format!("uid-{}", self.version)),
        };
        let generation = old.and_then(|old| old["metadata"]["generation"].as_u64()).unwrap_or(0) + 1;
        object["metadata"]["uid"] = uid;
        object["metadata"]["generation"] = json!(generation);
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let what = if old.is_some() { "MODIFIED" } else { "ADDED" };
        self.objects.insert(path.to_owned(), object.clone());
        self.log.push((self.version, what, collection(path).to_owned(), object.clone()));
        object
    }

    fn not_found(path: &str) -> (u16, Value) {
        let name = path.rsplit('/').next().unwrap_or_default();
        (404, status(404, "NotFound", &format!("{name} not found"), json!({"name": name})))
    }

    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let path = request.path.as_str();
        let is_dry = request.query.contains("dryRun=All");
        match request.method.as_str() {
            "GET" if path == "/version" => (200, json!({"gitVersion": "v1.37.2"})),
            "GET" if self.objects.contains_key(path) => (200, self.objects[path].clone()),
            "GET" if is_collection(path) => (200, self.list(path, &request.query)),
            "POST" => {
                let name = request.body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let path = format!("{path}/{name}");
                if self.objects.contains_key(&path) {
                    return (409, status(409, "AlreadyExists", "exists", json!({"name": name})));
                }
                (201, self.write(&path, request.body.clone()))
            }
            "PATCH" => {
                let old = self.objects.get(path);
                let metadata = &request.body["metadata"];
                for field in ["uid", "resourceVersion"] {
                    let wanted = metadata[field].as_str();
                    if wanted.is_some() && wanted != old.and_then(|old| old["metadata"][field].as_str()) {
                        return (409, status(409, "Conflict", &format!("{field} mismatch"), json!({"name": "x"})));
                    }
                }
                let code = if old.is_some() { 200 } else { 201 };
                let mut object = request.body.clone();
                if request.body.is_array() {
                    let Some(old) = old else { return Self::not_found(path) };
                    let patch: json_patch::Patch = serde_json::from_value(request.body.clone()).expect("a JSON patch");
                    object = old.clone();
                    if json_patch::patch(&mut object, &patch).is_err() {
                        return (422, status(422, "Invalid", "the patch does not fit", json!({"name": "x"})));
                    }
                    if object["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] {
                        return (409, status(409, "Conflict", "the object has been modified", json!({"name": "x"})));
                    }
                } else if let Some(manager) =
                    request.query.split('&').find_map(|part| part.strip_prefix("fieldManager="))
                {
                    // Enough for whose it is, and too little for a proof.
                    let entry = json!({"manager": manager, "operation": "Apply", "fieldsV1": {"f:x": {}}});
                    object["metadata"]["managedFields"] = json!([entry]);
                }
                if is_dry { (code, object) } else { (code, self.write(path, object)) }
            }
            "DELETE" => match self.objects.remove(path) {
                Some(object) => {
                    self.version += 1;
                    self.log.push((self.version, "DELETED", collection(path).to_owned(), object));
                    (200, json!({"kind": "Status", "status": "Success"}))
                }
                None => Self::not_found(path),
            },
            _ => Self::not_found(path),
        }
    }

    fn list(&self, path: &str, query: &str) -> Value {
        let prefix = format!("{path}/");
        let selector = query.split('&').find_map(|part| part.strip_prefix("labelSelector="));
        let items: Vec<&Value> = self
            .objects
            .iter()
            .filter(|(key, _)| key.strip_prefix(&prefix).is_some_and(|name| !name.contains('/')))
            .map(|(_, object)| object)
            .filter(|object| selector.is_none() || object["metadata"]["labels"].is_object())
            .collect();
        json!({"kind": "List", "metadata": {"resourceVersion": self.version.to_string()}, "items": items})
    }
}

/// Whether the path ends in a plural: every second part after `namespaces/NAME` or the version.
fn is_collection(path: &str) -> bool {
    ["configmaps", "secrets", "deployments", "services", "pods", "events", "replicasets", "namespaces"]
        .iter()
        .any(|plural| path.ends_with(&format!("/{plural}")))
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some(request) = read(&mut stream).await {
        let order = {
            let mut state = state.lock().expect("no test panics while it holds it");
            state.requests.push(request.clone());
            let line = format!("{}?{}", request.path, request.query);
            let rule = state
                .rules
                .iter_mut()
                .find(|rule| rule.times > 0 && rule.method == request.method && line.contains(rule.part));
            rule.map(|rule| {
                rule.times -= 1;
                rule.order.clone()
            })
        };
        let usual = || state.lock().expect("no test panics while it holds it").answer(&request);
        let (code, body, headers) = match order {
            Some(Order::Answer(code, body, headers)) => (code, body.to_string(), headers),
            Some(Order::Text(code, text)) => (code, text.to_owned(), ""),
            Some(Order::CloseBefore) => return,
            Some(Order::Hang) => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                return;
            }
            Some(Order::Gzip) => {
                let (code, body) = usual();
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                std::io::Write::write_all(&mut encoder, body.to_string().as_bytes()).expect("memory does not fail");
                let body = encoder.finish().expect("memory does not fail");
                let head =
                    format!("HTTP/1.1 {code} X\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
                if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
                    return;
                }
                continue;
            }
            Some(Order::Trickle(size, pause, pieces)) => {
                let (code, body) = usual();
                let body = body.to_string();
                let head = format!("HTTP/1.1 {code} X\r\ncontent-length: {}\r\n\r\n", body.len());
                let mut sent = stream.write_all(head.as_bytes()).await;
                for (count, piece) in body.as_bytes().chunks(size).enumerate() {
                    if sent.is_err() || count == pieces {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                    sent = stream.write_all(piece).await;
                }
                continue;
            }
            Some(Order::CloseAfter) => {
                usual();
                return;
            }
            Some(Order::Lines(lines)) => {
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                if stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
                for line in lines {
                    chunk(&mut stream, &line).await;
                }
                return;
            }
            None if request.query.contains("watch=true") => {
                watch(&mut stream, &request, &state).await;
                return;
            }
            None => {
                let (code, body) = usual();
                (code, body.to_string(), "")
            }
        };
        let head = format!("HTTP/1.1 {code} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn chunk(stream: &mut TcpStream, line: &Value) -> bool {
    let text = format!("{line}\n");
    let framed = format!("{:x}\r\n{text}\r\n", text.len());
    stream.write_all(framed.as_bytes()).await.is_ok()
}

/// Tells everything after the version that was asked for, and whatever comes, until the client leaves.
async fn watch(stream: &mut TcpStream, request: &Request, state: &Arc<Mutex<State>>) {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let from = request.query.split('&').find_map(|part| part.strip_prefix("resourceVersion="));
    let mut from: u64 = from.and_then(|from| from.parse().ok()).unwrap_or(0);
    loop {
        let news: Vec<(u64, Value)> = {
            let state = state.lock().expect("no test panics while it holds it");
            let news = state.log.iter().filter(|(version, _, of, _)| *version > from && *of == request.path);
            news.map(|(version, what, _, object)| (*version, json!({"type": what, "object": object}))).collect()
        };
        for (version, line) in news {
            from = version;
            if !chunk(stream, &line).await {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(|text| text.trim().to_owned()))
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut body = bytes.split_off(end);
    while body.len() < length {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => body.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
    let mut first = head.lines().next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), body, head: head.to_lowercase() })
}
