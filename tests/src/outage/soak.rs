//! Random applies, edits, kills and destroys on an embedded cluster with a file, for as long as one likes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use holm_conformance::fuzz::Random;
use http::{Method, Request};
use kube::client::Body;
use serde_json::{Value, json};

use super::{PROCESS, Server, emptied};
use crate::program::{Finished, Program};

/// How often memory and file are measured.
const MEASURED_EVERY: Duration = Duration::from_secs(10);
/// How many stacks there are.
const STACKS: usize = 4;

/// How to soak.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    /// For how long.
    pub duration: Duration,
    /// The seed of all that is random.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Soaked {
    /// How many applies there were, and how many of them were killed.
    pub applies: (usize, usize),
    /// How many destroys there were.
    pub destroys: usize,
    /// How many edits of objects there were.
    pub edits: usize,
    /// How often the cluster was killed.
    pub restarts: usize,
    /// How many writes were acknowledged to the client that counts.
    pub acknowledged: u64,
    /// Seconds since the begin, the memory of the cluster's process and the size of its file, in KiB.
    pub samples: Vec<(u64, u64, u64)>,
    /// What was wrong.
    pub problems: Vec<String>,
}

type Result<T> = std::result::Result<T, String>;

struct Bath {
    server: Server,
    folder: PathBuf,
    random: Random,
    soaked: Soaked,
    begun: Instant,
    measured: Instant,
    client: kube::Client,
    runtime: tokio::runtime::Runtime,
    counter: u64,
}

/// Soaks an embedded cluster, and tells each measurement to `tell`.
///
/// # Errors
/// When the cluster cannot be started.
pub fn soak(name: &str, options: Soak, tell: &dyn Fn(&Soaked)) -> Result<Soaked> {
    let folder = emptied(name).map_err(|error| error.to_string())?;
    let server = Server::start(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let client = runtime.block_on(crate::fault::connect(&server.kubeconfig()))?;
    let now = Instant::now();
    let mut bath = Bath {
        server,
        folder,
        random: Random::new(options.seed),
        soaked: Soaked::default(),
        begun: now,
        measured: now.checked_sub(MEASURED_EVERY).unwrap_or(now),
        client,
        runtime,
        counter: 0,
    };
    bath.count(Method::POST);
    while bath.begun.elapsed() < options.duration {
        bath.step()?;
        if bath.measured.elapsed() >= MEASURED_EVERY {
            bath.measure();
            tell(&bath.soaked);
        }
    }
    bath.end()?;
    bath.measure();
    Ok(bath.soaked)
}

impl Bath {
    fn step(&mut self) -> Result<()> {
        self.count(Method::PUT);
        let number = self.random.below(STACKS);
        match self.random.below(40) {
            0..20 => self.apply(number),
            20..26 => self.killed_apply(number),
            26..34 => self.edit(number),
            34..39 => self.destroy(number),
            _ => self.restart()?,
        }
        Ok(())
    }

    fn apply(&mut self, number: usize) {
        self.soaked.applies.0 += 1;
        let program = self.random_apply(number);
        let ended = program.run();
        self.expect(&ended);
    }

    /// An apply that is killed, and repeated by whoever comes next.
    fn killed_apply(&mut self, number: usize) {
        self.soaked.applies.0 += 1;
        let program = self.random_apply(number);
        let mut running = program.start();
        std::thread::sleep(Duration::from_millis(self.random.below(1_500) as u64));
        self.soaked.applies.1 += usize::from(running.is_running());
        running.kill();
        running.wait();
    }

    fn edit(&mut self, number: usize) {
        self.soaked.edits += 1;
        let name = format!("o-{:03}", 5 + 8 * self.random.below(3));
        // As a person edits it, which the next apply takes back; what a controller wrote would be a conflict.
        let path = format!("/api/v1/namespaces/soak-{number}/configmaps/{name}?fieldManager=kubectl-edit");
        let patch = json!({"data": {"value": format!("edited-{}", self.soaked.edits)}});
        // It is there only where the stack is.
        let _ = self.send(Method::PATCH, &path, &patch);
    }

    fn destroy(&mut self, number: usize) {
        self.soaked.destroys += 1;
        let consent = format!("Namespace/soak-{number}");
        let ended = self.stack(number, &["destroy", "--yes", "--allow-delete", &consent]).run();
        self.expect(&ended);
    }

    /// Kills the cluster while an apply is under way, which must end well all the same.
    fn restart(&mut self) -> Result<()> {
        self.soaked.restarts += 1;
        self.soaked.applies.0 += 1;
        let number = self.random.below(STACKS);
        let running = self.random_apply(number).start();
        std::thread::sleep(Duration::from_millis(300 + self.random.below(2_000) as u64));
        self.server.kill();
        self.server.restart()?;
        let ended = running.wait();
        self.expect(&ended);
        self.check_counter();
        Ok(())
    }

    fn expect(&mut self, ended: &Finished) {
        if ended.code != Some(0) {
            self.soaked.problems.push(ended.to_string());
        }
    }

    fn random_apply(&mut self, number: usize) -> Program {
        let without: Vec<String> = (0..self.random.below(6)).map(|_| self.random.below(24).to_string()).collect();
        let value = self.random.below(5).to_string();
        let program = self.stack(number, &["apply", "--yes"]);
        program.config("count", "24").config("value", &value).config("without", &without.join(","))
    }

    fn stack(&self, number: usize, arguments: &[&str]) -> Program {
        let program = Program::this_one(&self.folder).env(PROCESS, "1").env("KUBECONFIG", self.server.kubeconfig());
        let name = format!("soak-{number}");
        program.args(arguments).args(["--stack", &name]).config("namespace", &name)
    }

    /// Writes the next number, and remembers it once the server has acknowledged it.
    fn count(&mut self, method: Method) {
        let next = self.counter + 1;
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "counter", "namespace": "default"},
            "data": {"number": next.to_string()}});
        let path = match method {
            Method::POST => "/api/v1/namespaces/default/configmaps",
            _ => "/api/v1/namespaces/default/configmaps/counter",
        };
        if self.send(method, path, &object).is_ok() {
            self.counter = next;
            self.soaked.acknowledged += 1;
        }
    }

    /// The last number that was acknowledged must be there.
    fn check_counter(&mut self) {
        match self.send(Method::GET, "/api/v1/namespaces/default/configmaps/counter", &Value::Null) {
            Ok(found) if found["data"]["number"].as_str() == Some(self.counter.to_string().as_str()) => {}
            Ok(found) => {
                let problem = format!("{} was acknowledged, and {} is there", self.counter, found["data"]["number"]);
                self.soaked.problems.push(problem);
            }
            Err(error) => self.soaked.problems.push(format!("the counter cannot be read: {error}")),
        }
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let content = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = if method == Method::GET { Body::empty() } else { Body::from(body.to_string().into_bytes()) };
        let request = Request::builder().method(method).uri(path).header("content-type", content).body(body);
        let request = request.map_err(|error| error.to_string())?;
        self.runtime.block_on(async {
            use http_body_util::BodyExt as _;
            let response = self.client.clone().send(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
            if !status.is_success() {
                return Err(format!("{status}"));
            }
            serde_json::from_slice(&body).map_err(|error| error.to_string())
        })
    }

    fn measure(&mut self) {
        self.measured = Instant::now();
        let memory = self.server.process().map_or(0, resident);
        let file = size(&self.folder) / 1024;
        self.soaked.samples.push((self.begun.elapsed().as_secs(), memory, file));
    }

    /// Every stack must still be applied and destroyed, and leave nothing.
    fn end(&mut self) -> Result<()> {
        self.check_counter();
        for number in 0..STACKS {
            let applied = self.stack(number, &["apply", "--yes"]).config("count", "24").run();
            self.expect(&applied);
            let planned = self.stack(number, &["plan", "--detailed-exitcode"]).config("count", "24").run();
            self.expect(&planned);
            self.destroy(number);
            let namespace = format!("/api/v1/namespaces/soak-{number}");
            if self.send(Method::GET, &namespace, &Value::Null).is_ok() {
                self.soaked.problems.push(format!("soak-{number} is left after its destroy"));
            }
        }
        Ok(())
    }
}

/// The resident memory of a process in KiB; 0 where the system does not say.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The size of the cluster's files below a folder, in bytes.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) if entry.file_name() != "server.log" => metadata.len(),
            _ => 0,
        })
        .sum()
}
