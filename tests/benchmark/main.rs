//! Measures holm beside kubectl and the bare requests, on the real control plane. The workspace of the workload is a program
//! of its own, so both are built first:
//!
//! ```text
//! cargo build --release -p holm-e2e --bin benchmark --bin benchmark-stack
//! cargo run --release -p holm-e2e --bin benchmark -- 500 5000
//! ```
//!
//! Prints one table for each number of objects, and which targets are reached. Wall times are of whole processes, the median
//! of three where a run changes nothing; requests are those of the server's audit log; memory is the kernel's high-water
//! mark. Creating is measured in turns with the same bare requests, because the server is not always equally fast, and when
//! its controllers have ended what the last run left them: four times up to 1,000 objects, and once beyond.

#![allow(clippy::print_stdout, reason = "the table is the program's output")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use holm_e2e::{ControlPlane, User, workload};
use serde_json::{Value, json};

mod bare;
mod measure;

use measure::{Cost, median};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Up to how many objects everything is created four times.
const OFTEN: usize = 1000;

fn main() -> Result<()> {
    let counts: Vec<usize> =
        std::env::args().skip(1).map(|count| count.parse()).collect::<std::result::Result<_, _>>()?;
    let counts = if counts.is_empty() { vec![500] } else { counts };
    let cluster = ControlPlane::start_real("benchmark");
    println!("{} CPUs; {}", std::thread::available_parallelism()?, versions(&cluster)?);
    println!("Start-up (`--version`): {}", milliseconds(start_up()?));
    let mut peaks = Vec::new();
    for count in counts {
        let [plan, create] = one_size(&cluster, count)?;
        peaks.push((count, plan, create));
    }
    println!("\n| objects | peak memory, plan without changes | peak memory, create all |\n|---|---|---|");
    for (count, plan, create) in peaks {
        println!("| {count} | {} MiB | {} MiB |", plan.peak / 1024, create.peak / 1024);
    }
    Ok(())
}

/// Measures one number of objects. Returns what planning without changes and creating all cost.
fn one_size(cluster: &ControlPlane, count: usize) -> Result<[Cost; 2]> {
    let objects = workload::objects(count, false);
    let changed = workload::objects(count, true);
    println!("\n## {count} objects\n");
    println!("| | plan, nothing changed | plan, one changed | create all | apply, one changed |");
    println!("|---|---|---|---|---|");

    let stack = Stack { cluster, user: cluster.user(&format!("holm-{count}"), Some("cluster-admin")), count };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bare = Bare { kubeconfig: &stack.user.kubeconfig, runtime: &runtime };
    let (mut all_created, mut all_bare) = (Vec::new(), Vec::new());
    for round in 0..if count <= OFTEN { 4 } else { 1 } {
        for is_bare in [round % 2 == 0, round % 2 != 0] {
            remove(cluster, if is_bare { Bare::NAMESPACE } else { workload::NAMESPACE })?;
            if is_bare {
                cluster.create(&namespace(Bare::NAMESPACE));
            }
            wait_until_quiet(cluster);
            if is_bare {
                let applied = bare.apply(&objects, false)?;
                all_bare.push((applied, applied + bare.answered()?));
            } else {
                all_created.push(stack.run("apply", false)?);
            }
        }
    }
    let checked = bare.apply(&objects, true)?;
    let listed = bare.list()?;
    let created = median(all_created, wall).ok_or("everything was created")?;
    let (bare_created, bare_answered) = median(all_bare, |times| *times).ok_or("everything was applied")?;
    let unchanged = stack.thrice("plan", false)?;
    let one_changed = stack.thrice("plan", true)?;
    let applied = stack.run("apply", true)?;
    let rendered = stack.run("render", false)?;
    row("holm", &[unchanged, one_changed, created, applied]);

    let user = cluster.user(&format!("kubectl-{count}"), Some("cluster-admin"));
    let kubectl = Kubectl { cluster, user, namespace: format!("kubectl-{count}") };
    kubectl.make_namespace();
    let (before, after) = (kubectl.write("before", &objects)?, kubectl.write("after", &changed)?);
    let by_kubectl = kubectl.run(&["apply", "--server-side", "-f"], &before, &[0])?;
    let kubectl_unchanged = kubectl.run(&["diff", "--server-side", "-f"], &before, &[0])?;
    let kubectl_one_changed = kubectl.run(&["diff", "--server-side", "-f"], &after, &[1])?;
    let kubectl_applied = kubectl.run(&["apply", "--server-side", "-f"], &after, &[0])?;
    row("kubectl, server-side", &[kubectl_unchanged, kubectl_one_changed, by_kubectl, kubectl_applied]);

    println!(
        "\nBare requests, 32 in flight: all applies {}, until their controllers have answered {}, all dry-runs {}, the five \
         lists {}.",
        milliseconds(bare_created),
        milliseconds(bare_answered),
        milliseconds(checked),
        milliseconds(listed),
    );
    println!("`render`, which needs no cluster: {}, {} MiB.\n", milliseconds(rendered.wall), rendered.peak / 1024);
    let times = kubectl_unchanged.wall.as_secs_f64() / unchanged.wall.as_secs_f64();
    let ratio = created.wall.as_secs_f64() / bare_created.as_secs_f64();
    let peak = [created, unchanged, one_changed, applied].iter().map(|cost| cost.peak).max().unwrap_or(0) / 1024;
    // The lists have pages of 500, so that the requests grow with the pages.
    let pages = count.div_ceil(2500) * 5;
    target(&format!("nothing changed: {} requests", unchanged.requests), unchanged.requests <= 15 + pages);
    target(&format!("nothing changed: {times:.1} times faster than kubectl diff"), times >= 10.0);
    target(&format!("one changed: {} requests", one_changed.requests), one_changed.requests <= 20 + pages);
    target(&format!("create all: {ratio:.2} times the bare requests"), ratio <= 1.2);
    let whole = created.wall.as_secs_f64() / bare_answered.as_secs_f64();
    println!(
        "- create all: {whole:.2} times the bare requests with the answers of the controllers, for which holm waits"
    );
    target(&format!("peak memory: {peak} MiB"), peak <= 60 * (count as u64).div_ceil(500));
    for namespace in [workload::NAMESPACE, &kubectl.namespace, Bare::NAMESPACE] {
        remove(cluster, namespace)?;
    }
    Ok([unchanged, created])
}

/// Says whether a target is reached. Those beyond 500 objects grow with the number of objects.
fn target(what: &str, is_reached: bool) {
    println!("- {what}: {}", if is_reached { "reached" } else { "MISSED" });
}

/// Deletes a namespace with everything in it, where it is there. Thousands of objects take a while.
fn remove(cluster: &ControlPlane, namespace: &str) -> Result<()> {
    let arguments = ["delete", "namespace", namespace, "--ignore-not-found", "--wait=true", "--timeout=5m"];
    kubectl(cluster, &arguments).map(drop)
}

fn versions(cluster: &ControlPlane) -> Result<String> {
    let version: Value = serde_json::from_slice(&kubectl(cluster, &["version", "--output", "json"])?)?;
    let of = |part: &str| version[part]["gitVersion"].as_str().unwrap_or("?").to_owned();
    Ok(format!("server {}, kubectl {}", of("serverVersion"), of("clientVersion")))
}

/// What kubectl says as the administrator.
fn kubectl(cluster: &ControlPlane, arguments: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new(cluster.binary("kubectl"));
    let ended = command.arg("--kubeconfig").arg(cluster.admin()).args(arguments).output()?;
    if !ended.status.success() {
        return Err(format!("kubectl {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr)).into());
    }
    Ok(ended.stdout)
}

/// Waits until the controllers have nothing to do any more, so that what one run left does not slow the next one down.
fn wait_until_quiet(cluster: &ControlPlane) {
    let controllers =
        User { name: "system:kube-controller-manager".to_owned(), kubeconfig: cluster.admin().to_owned() };
    let mut audit = cluster.audit(&controllers);
    for _ in 0..120 {
        std::thread::sleep(Duration::from_secs(1));
        // The controllers renew their lease all the time.
        if audit.mutating().unwrap_or_default().iter().all(|request| request.resource == "leases") {
            return;
        }
        audit.restart();
    }
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// The same requests without any tool, by the same user as the workspace's, each time over new connections.
struct Bare<'a> {
    kubeconfig: &'a Path,
    runtime: &'a tokio::runtime::Runtime,
}

impl Bare<'_> {
    const NAMESPACE: &'static str = "bare";

    fn client(&self) -> Result<kube::Client> {
        self.runtime.block_on(bare::client(self.kubeconfig))
    }

    fn apply(&self, objects: &[Value], dry_run: bool) -> Result<Duration> {
        self.runtime.block_on(bare::apply(&self.client()?, objects, Self::NAMESPACE, dry_run))
    }

    /// How long it takes from now until the controllers have answered every Deployment.
    fn answered(&self) -> Result<Duration> {
        let client = self.client()?;
        let begun = Instant::now();
        self.runtime.block_on(bare::answered(&client, Self::NAMESPACE))?;
        Ok(begun.elapsed())
    }

    fn list(&self) -> Result<Duration> {
        self.runtime.block_on(bare::list(&self.client()?, Self::NAMESPACE))
    }
}

/// The workspace with the workload.
struct Stack<'a> {
    cluster: &'a ControlPlane,
    user: User,
    count: usize,
}

impl Stack<'_> {
    fn run(&self, verb: &str, is_changed: bool) -> Result<Cost> {
        let audit = self.cluster.audit(&self.user);
        let mut command = Command::new(stack_binary()?);
        command.arg("--kubeconfig").arg(&self.user.kubeconfig);
        command.args(["--config", &format!("objects={}", self.count)]);
        command.args(["--config", if is_changed { "changed=yes" } else { "changed=no" }]);
        command.arg(verb);
        if verb == "apply" {
            command.arg("--yes");
        }
        let cost = measure::run(&mut command, &[0])?;
        Ok(Cost { requests: audit.requests().unwrap_or_default().len(), ..cost })
    }

    fn thrice(&self, verb: &str, is_changed: bool) -> Result<Cost> {
        let costs: Result<Vec<Cost>> = (0..3).map(|_| self.run(verb, is_changed)).collect();
        median(costs?, wall).ok_or_else(|| "three runs have a median".into())
    }
}

/// kubectl with the same objects from one file.
struct Kubectl<'a> {
    cluster: &'a ControlPlane,
    user: User,
    namespace: String,
}

impl Kubectl<'_> {
    fn make_namespace(&self) {
        self.cluster.create(&namespace(&self.namespace));
    }

    fn write(&self, name: &str, objects: &[Value]) -> Result<PathBuf> {
        let path = self.cluster.scratch("kubectl").join(format!("{name}-{}.json", self.namespace));
        std::fs::write(&path, json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string())?;
        Ok(path)
    }

    fn run(&self, arguments: &[&str], file: &Path, codes: &[i32]) -> Result<Cost> {
        let audit = self.cluster.audit(&self.user);
        let mut command = Command::new(self.cluster.binary("kubectl"));
        command.arg("--kubeconfig").arg(&self.user.kubeconfig).args(["--namespace", &self.namespace]);
        let cost = measure::run(command.args(arguments).arg(file), codes)?;
        Ok(Cost { requests: audit.requests().unwrap_or_default().len(), ..cost })
    }
}

/// The median of twenty starts of the workspace that do nothing.
fn start_up() -> Result<Duration> {
    let costs: Result<Vec<Cost>> =
        (0..20).map(|_| Ok(measure::run(Command::new(stack_binary()?).arg("--version"), &[0])?)).collect();
    median(costs?, wall).map(|cost| cost.wall).ok_or_else(|| "twenty runs have a median".into())
}

/// The workspace beside this program, where cargo puts all binaries of the package.
fn stack_binary() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("benchmark-stack");
    if path.is_file() {
        return Ok(path);
    }
    Err("build it first: cargo build --release -p holm-e2e --bin benchmark-stack".into())
}

fn wall(cost: &Cost) -> Duration {
    cost.wall
}

fn row(name: &str, costs: &[Cost]) {
    let cells: Vec<String> = costs
        .iter()
        .map(|cost| format!("{}, {} requests, {} MiB", milliseconds(cost.wall), cost.requests, cost.peak / 1024))
        .collect();
    println!("| {name} | {} |", cells.join(" | "));
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1000.0)
}
