//! Measures holm beside kubectl and the bare requests, on the real control plane:
//! `cargo run --release -p holm-e2e --bin benchmark -- 500 5000`.
//!
//! Prints one table for each number of objects. Wall times are of whole processes, the median of three where a run changes
//! nothing; requests are those of the server's audit log.

#![allow(clippy::print_stdout, reason = "the table is the program's output")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use holm_e2e::{ControlPlane, User, workload};
use serde_json::json;

mod bare;
mod measure;

use measure::{Cost, median};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let counts: Vec<usize> =
        std::env::args().skip(1).map(|count| count.parse()).collect::<std::result::Result<_, _>>()?;
    let counts = if counts.is_empty() { vec![500] } else { counts };
    let cluster = ControlPlane::start_real("benchmark");
    println!("start-up (`--version`): {}", milliseconds(start_up()?));
    for count in counts {
        one_size(&cluster, count)?;
    }
    Ok(())
}

fn one_size(cluster: &ControlPlane, count: usize) -> Result<()> {
    let objects = workload::objects(count, false);
    let changed = workload::objects(count, true);
    println!("\n## {count} objects\n");
    println!("| | plan, nothing changed | plan, one changed | create all | apply, one changed |");
    println!("|---|---|---|---|---|");

    let user = cluster.user(&format!("holm-{count}"), Some("cluster-admin"));
    let stack = Stack { cluster, user, count };
    let created = stack.run("apply", false, &[0])?;
    let unchanged = stack.thrice("plan", false)?;
    let one_changed = stack.thrice("plan", true)?;
    let applied = stack.run("apply", true, &[0])?;
    row("holm", &[Some(unchanged), Some(one_changed), Some(created), Some(applied)]);
    let peak = [created, unchanged, one_changed, applied].iter().map(|cost| cost.peak).max().unwrap_or(0);

    let user = cluster.user(&format!("kubectl-{count}"), Some("cluster-admin"));
    let kubectl = Kubectl { cluster, user, namespace: format!("kubectl-{count}") };
    kubectl.make_namespace();
    let (before, after) = (kubectl.write("before", &objects)?, kubectl.write("after", &changed)?);
    let created = kubectl.run(&["apply", "--server-side", "-f"], &before, &[0])?;
    let unchanged = kubectl.run(&["diff", "--server-side", "-f"], &before, &[0])?;
    let one_changed = kubectl.run(&["diff", "--server-side", "-f"], &after, &[1])?;
    let applied = kubectl.run(&["apply", "--server-side", "-f"], &after, &[0])?;
    row("kubectl, server-side", &[Some(unchanged), Some(one_changed), Some(created), Some(applied)]);

    let namespace = format!("bare-{count}");
    cluster.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (created, checked, listed) = runtime.block_on(async {
        let client = bare::client(cluster.admin()).await?;
        let created = bare::apply(&client, &objects, &namespace, false).await?;
        let checked = bare::apply(&client, &objects, &namespace, true).await?;
        let listed = bare::list(&client, &namespace).await?;
        Ok::<_, Box<dyn Error>>((created, checked, listed))
    })?;
    println!(
        "\nBare requests, 32 in flight: all applies {}, all dry-runs {}, the five lists {}. holm's peak memory: {} MiB.",
        milliseconds(created),
        milliseconds(checked),
        milliseconds(listed),
        peak / 1024,
    );
    for namespace in [workload::NAMESPACE, &kubectl.namespace, &namespace] {
        cluster.delete("namespace", "", namespace);
    }
    Ok(())
}

/// The workspace with the workload.
struct Stack<'a> {
    cluster: &'a ControlPlane,
    user: User,
    count: usize,
}

impl Stack<'_> {
    fn run(&self, verb: &str, is_changed: bool, codes: &[i32]) -> Result<Cost> {
        let audit = self.cluster.audit(&self.user);
        let mut command = Command::new(stack_binary()?);
        command.arg("--kubeconfig").arg(&self.user.kubeconfig);
        command.args(["--config", &format!("objects={}", self.count)]);
        command.args(["--config", if is_changed { "changed=yes" } else { "changed=no" }]);
        command.arg(verb);
        if verb == "apply" {
            command.arg("--yes");
        }
        let cost = measure::run(&mut command, codes)?;
        Ok(Cost { requests: audit.requests().unwrap_or_default().len(), ..cost })
    }

    fn thrice(&self, verb: &str, is_changed: bool) -> Result<Cost> {
        let costs: Result<Vec<Cost>> = (0..3).map(|_| self.run(verb, is_changed, &[0])).collect();
        median(costs?).ok_or_else(|| "three runs have a median".into())
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
        self.cluster.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}));
    }

    fn write(&self, name: &str, objects: &[serde_json::Value]) -> Result<PathBuf> {
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
    median(costs?).map(|cost| cost.wall).ok_or_else(|| "twenty runs have a median".into())
}

/// The workspace beside this program, where cargo puts all binaries of the package.
fn stack_binary() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("benchmark-stack");
    if path.is_file() {
        return Ok(path);
    }
    Err("build all binaries first: cargo build --release -p holm-e2e --bins".into())
}

fn row(name: &str, costs: &[Option<Cost>]) {
    let cells: Vec<String> = costs
        .iter()
        .map(|cost| match cost {
            Some(cost) => {
                format!("{}, {} requests, {} MiB", milliseconds(cost.wall), cost.requests, cost.peak / 1024)
            }
            None => String::new(),
        })
        .collect();
    println!("| {name} | {} |", cells.join(" | "));
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1000.0)
}
