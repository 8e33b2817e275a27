//! Measures the embedded API server beside the real control plane, with the same objects and the same requests:
//! `cargo run --release -p holm-e2e --bin server-benchmark -- 10000`.
//!
//! Each server is another process behind TLS on the loopback interface, with its controllers at work; the embedded one is
//! measured without a socket, too, as tests use it, and with a file, as the command line does. Times are of one run; where a
//! request is repeated, the median of 100.

#![allow(clippy::print_stdout, reason = "the table is the program's output")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use holm_e2e::{ControlPlane, workload};
use holm_embedded::{Cluster, ClusterOptions, Place};

#[path = "../benchmark/bare.rs"]
#[expect(dead_code, reason = "the other benchmark uses the rest of it")]
mod bare;
mod memory;
mod requests;

use requests::Figures;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The word that makes this program the server which it measures: `serve KUBECONFIG [FILE]`.
const SERVE: &str = "serve";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let [word, kubeconfig, directory @ ..] = arguments.as_slice()
        && word == SERVE
    {
        return runtime.block_on(serve(Path::new(kubeconfig), directory.first().map(PathBuf::from)));
    }
    let count = arguments.first().map_or(Ok(10_000), |count| count.parse())?;
    println!("| {count} objects | {} |", Figures::HEADINGS.join(" | "));
    println!("|---|{}", "---|".repeat(Figures::HEADINGS.len()));
    let folder = std::env::temp_dir().join(format!("holm-server-benchmark-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&runtime, count, &folder);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(runtime: &tokio::runtime::Runtime, count: usize, folder: &Path) -> Result<()> {
    let objects = workload::objects(count, false);

    let figures = runtime.block_on(async {
        let begun = Instant::now();
        let cluster = Cluster::start(ClusterOptions::default()).await?;
        let start = begun.elapsed();
        requests::play(&cluster.client(), &objects, start, || Ok(None)).await
    })?;
    println!("| embedded, no socket | {} |", figures.row());

    for (name, directory) in [("embedded", None), ("embedded, with a file", Some(folder.join("cluster")))] {
        let (mut child, kubeconfig, start) = Served::start(folder, directory.as_deref())?;
        let figures = runtime.block_on(async {
            let client = bare::client(&kubeconfig).await?;
            requests::play(&client, &objects, start, || memory::of_tree(child.0.id()).map(Some)).await
        });
        child.stop()?;
        println!("| {name} | {} |", figures?.row());
    }

    let begun = Instant::now();
    let plane = ControlPlane::start_real("server-benchmark");
    let start = begun.elapsed();
    let figures = runtime.block_on(async {
        let client = bare::client(plane.admin()).await?;
        requests::play(&client, &objects, start, || memory::of_programs("controlplane").map(Some)).await
    })?;
    println!("| kube-apiserver, etcd | {} |", figures.row());
    Ok(())
}

/// An embedded cluster in a process of its own. It is ended with this.
struct Served(Child);

impl Served {
    /// Starts it, and says where its kubeconfig is and how long it took until that was there.
    fn start(folder: &Path, directory: Option<&Path>) -> Result<(Self, PathBuf, Duration)> {
        let kubeconfig = folder.join("kubeconfig");
        if kubeconfig.exists() {
            std::fs::remove_file(&kubeconfig)?;
        }
        let begun = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE).arg(&kubeconfig).args(directory).stdin(Stdio::null());
        let mut served = Self(command.spawn()?);
        loop {
            if std::fs::metadata(&kubeconfig).is_ok_and(|file| file.len() > 0) {
                return Ok((served, kubeconfig, begun.elapsed()));
            }
            if let Some(status) = served.0.try_wait()? {
                return Err(format!("the embedded cluster ended with {status}").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn stop(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have been stopped already, and then there is nothing to end.
        let _ = self.stop();
    }
}

async fn serve(kubeconfig: &Path, directory: Option<PathBuf>) -> Result<()> {
    let options = ClusterOptions::default();
    let cluster = match directory {
        Some(directory) => {
            Cluster::open(&Place::in_directory(&directory, "benchmark")?, "server-benchmark", options).await?
        }
        None => Cluster::start(options).await?,
    };
    let listener = cluster.api().listen(0).await?;
    let unfinished = kubeconfig.with_extension("unfinished");
    listener.write_kubeconfig(&unfinished)?;
    // Whoever sees the file sees all of it.
    std::fs::rename(unfinished, kubeconfig)?;
    std::future::pending().await
}
