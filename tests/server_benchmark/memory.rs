//! How much memory processes hold, shared pages divided among those who share them (`Pss`).

use std::collections::BTreeMap;

use super::Result;

/// The memory of a process and of those that it started, in KiB.
pub fn of_tree(process: u32) -> Result<u64> {
    let mut parents = BTreeMap::new();
    for process in processes()? {
        parents.insert(process, parent(process).unwrap_or_default());
    }
    let is_below = |mut candidate: u32| {
        while candidate != process {
            match parents.get(&candidate) {
                Some(&parent) if parent != 0 => candidate = parent,
                _ => return false,
            }
        }
        true
    };
    Ok(parents.keys().filter(|candidate| is_below(**candidate)).map(|candidate| pss(*candidate)).sum())
}

/// The memory of the latest process whose program has this name, and of those that it started, in KiB.
pub fn of_programs(name: &str) -> Result<u64> {
    let is_named = |process: &u32| {
        let path = std::fs::read_link(format!("/proc/{process}/exe"));
        path.is_ok_and(|path| path.file_name().is_some_and(|file| file == name))
    };
    // The first of a control plane's processes starts the others, so of one family it has the lowest number.
    let named: Vec<u32> = processes()?.into_iter().filter(is_named).collect();
    let roots = named.iter().filter(|process| parent(**process).is_none_or(|parent| !named.contains(&parent)));
    let root = roots.max().ok_or_else(|| format!("no process runs {name}"))?;
    of_tree(*root)
}

fn processes() -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(found)
}

fn parent(process: u32) -> Option<u32> {
    field(&format!("/proc/{process}/status"), "PPid:")?.try_into().ok()
}

fn pss(process: u32) -> u64 {
    // A process that has ended meanwhile holds nothing.
    field(&format!("/proc/{process}/smaps_rollup"), "Pss:").unwrap_or_default()
}

fn field(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
