//! Many sequences on two servers.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _};

use super::{Difference, Sequence, Shape, compare, sequence, shrink};

/// What is played.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The seed of the first sequence; the others have the following ones.
    pub seed: u64,
    /// How many requests are sent at least.
    pub operations: usize,
    /// How many sequences are played at the same time.
    pub at_once: usize,
    /// How sequences are made.
    pub shape: Shape,
    /// What the names of namespaces begin with, so that several campaigns can use the same servers.
    pub name: String,
}

/// A difference, the first of its kind.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The sequence that shows it.
    pub sequence: Sequence,
    /// The difference.
    pub difference: Difference,
    /// How many differences of this kind there were.
    pub count: usize,
}

/// What came of a campaign.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many requests were answered by both servers.
    pub operations: usize,
    /// How many sequences were played.
    pub sequences: usize,
    /// The seed after the last one.
    pub next_seed: u64,
    /// How often a known difference was met, by its reason.
    pub explained: BTreeMap<&'static str, usize>,
    /// The others by their signature.
    pub findings: BTreeMap<String, Finding>,
    /// Sequences that could not be played to their end, because a server gave no answer.
    pub broken: Vec<String>,
}

impl Default for Campaign {
    fn default() -> Self {
        Self { seed: 1, operations: 5_000, at_once: 32, shape: Shape::default(), name: "fuzz".to_owned() }
    }
}

impl Campaign {
    /// Plays sequences until there were enough requests. `tell` hears of each new kind of difference.
    pub async fn run(&self, servers: [&kube::Client; 2], tell: &dyn Fn(&str)) -> Tally {
        let mut tally = Tally { next_seed: self.seed, ..Tally::default() };
        while tally.operations < self.operations {
            let sequences = self.sequences(tally.next_seed, self.operations - tally.operations);
            tally.next_seed += sequences.len() as u64;
            let played = stream::iter(sequences).map(|sequence| async move {
                let seed = sequence.seed;
                let outcome = compare(&sequence, &format!("{}-{seed}", self.name), servers).await;
                (sequence, outcome)
            });
            let mut played = std::pin::pin!(played.buffer_unordered(self.at_once));
            while let Some((sequence, outcome)) = played.next().await {
                tally.sequences += 1;
                match outcome {
                    Ok((operations, explained, differences)) => {
                        tally.operations += operations;
                        explained.iter().for_each(|known| *tally.explained.entry(known.reason).or_default() += 1);
                        differences.into_iter().for_each(|difference| tally.add(&sequence, difference, tell));
                    }
                    Err(error) => tally.broken.push(format!("seed {}: {error}", sequence.seed)),
                }
            }
        }
        tally
    }

    /// Sequences that have so many requests together, if all are played to their ends.
    fn sequences(&self, first: u64, operations: usize) -> Vec<Sequence> {
        let mut left = operations;
        let mut sequences = Vec::new();
        for seed in first.. {
            if left == 0 {
                break;
            }
            let sequence = sequence(seed, &self.shape);
            left = left.saturating_sub(sequence.steps.len().max(1));
            sequences.push(sequence);
        }
        sequences
    }

    /// Makes the findings small, the most frequent first, at most so many.
    ///
    /// # Errors
    /// If a server cannot be reached.
    pub async fn shrink(&self, tally: &mut Tally, servers: [&kube::Client; 2], most: usize) -> Result<(), kube::Error> {
        let mut order: Vec<(usize, String)> =
            tally.findings.iter().map(|(signature, finding)| (finding.count, signature.clone())).collect();
        order.sort_by(|left, right| right.cmp(left));
        for (number, (_, signature)) in order.into_iter().take(most).enumerate() {
            let Some(finding) = tally.findings.get_mut(&signature) else { continue };
            let name = format!("{}-s{number}-{}", self.name, self.seed);
            let (sequence, difference) = shrink(&finding.sequence, &finding.difference, servers, &name).await?;
            (finding.sequence, finding.difference) = (sequence, difference);
        }
        Ok(())
    }
}

impl Tally {
    /// Whether every sequence was played and no difference is without an explanation.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.broken.is_empty()
    }

    fn add(&mut self, sequence: &Sequence, difference: Difference, tell: &dyn Fn(&str)) {
        if let Some(known) = self.findings.get_mut(&difference.signature) {
            known.count += 1;
            return;
        }
        tell(&format!("seed {} step {}: {}", sequence.seed, difference.step, difference.signature));
        let signature = difference.signature.clone();
        self.findings.insert(signature, Finding { sequence: sequence.clone(), difference, count: 1 });
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut findings: Vec<&Finding> = self.findings.values().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.count));
        findings.iter().try_for_each(|finding| writeln!(out, "{finding}"))?;
        self.broken.iter().try_for_each(|broken| writeln!(out, "not played: {broken}"))?;
        for (reason, count) in &self.explained {
            writeln!(out, "explained {count} times: {reason}")?;
        }
        let unexplained: usize = findings.iter().map(|finding| finding.count).sum();
        write!(
            out,
            "{} requests in {} sequences: {unexplained} unexplained differences",
            self.operations, self.sequences
        )
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "{} times: {}", self.count, self.difference.signature)?;
        // As a file for a replay; the last step shows the difference.
        let steps = self.sequence.steps.iter().take(self.difference.step + 1).cloned().collect();
        write!(out, "{}", Sequence { seed: self.sequence.seed, steps }.to_text())?;
        self.difference.lines.iter().take(12).try_for_each(|line| writeln!(out, "      {line}"))
    }
}
