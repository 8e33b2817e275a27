//! Runs a program once and says how long it took and how much memory it held.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From the start of the process to its end.
    pub wall: Duration,
    /// The most memory that it held at a time, in KiB.
    pub peak: u64,
    /// The requests that the server counted.
    pub requests: usize,
}

/// Runs `command` to its end, which must be one of `codes`.
pub fn run(command: &mut Command, codes: &[i32]) -> io::Result<Cost> {
    let begun = Instant::now();
    let log = tempfile(command)?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.1).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let exit = loop {
        // VmHWM is the kernel's own high-water mark, so that the last reading is the peak.
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
        }
        if let Some(exit) = child.try_wait()? {
            break exit;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = begun.elapsed();
    if !exit.code().is_some_and(|code| codes.contains(&code)) {
        let said = std::fs::read_to_string(&log.0).unwrap_or_default();
        return Err(io::Error::other(format!("{command:?} ended with {exit}:\n{said}")));
    }
    Ok(Cost { wall, peak, requests: 0 })
}

fn tempfile(command: &Command) -> io::Result<(std::path::PathBuf, std::fs::File)> {
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or_default().to_owned();
    let path = std::env::temp_dir().join(format!("holm-benchmark-{}-{}.log", name.display(), std::process::id()));
    let file = std::fs::File::create(&path)?;
    Ok((path, file))
}

/// What is in the middle by a measure.
pub fn median<T: Copy, M: Ord>(mut all: Vec<T>, measure: impl Fn(&T) -> M) -> Option<T> {
    all.sort_by_key(measure);
    all.get(all.len() / 2).copied()
}
