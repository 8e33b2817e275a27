//! A client that uses the database all the time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::database::Database;

/// Where the client lives.
pub const NAMESPACE: &str = "client";

/// One attempt after the other, each a connection of its own, with what came of it.
const SCRIPT: &str = r#"
psql "$URL" -X -q -c 'CREATE TABLE IF NOT EXISTS beats (id bigserial PRIMARY KEY)' >/dev/null 2>&1
while :; do
  if said=$(psql "$URL" -X -q -A -t -c 'INSERT INTO beats DEFAULT VALUES RETURNING id' 2>&1)
  then echo "$EPOCHREALTIME ok $said"
  else echo "$EPOCHREALTIME failed ${said//$'\n'/ }"
  fi
  sleep 0.1
done
"#;

/// A pod that runs `psql "$database-url"`, again and again.
pub struct Client<'a> {
    database: &'a Database,
    pod: String,
}

/// What came of one attempt.
#[derive(Clone, Debug)]
pub struct Beat {
    /// When it ended, in seconds since 1970.
    pub at: f64,
    /// The row that the server promised to keep, or why there is none.
    pub outcome: Result<u64, String>,
}

/// What a client saw of a step.
#[derive(Clone, Debug)]
pub struct Seen {
    /// How long it was without a database, in seconds.
    pub downtime: f64,
    /// What its attempts failed with, each once.
    pub errors: Vec<String>,
}

impl<'a> Client<'a> {
    /// Starts one with the Secret's URL as it is now, and waits until it has been served.
    pub fn start(database: &'a Database) -> Self {
        Self::named(database, "first")
    }

    /// Starts another one, when the URL has changed.
    pub fn named(database: &'a Database, name: &str) -> Self {
        let cluster = &database.session.cluster;
        cluster.create_if_absent(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}));
        let pod = format!("{name}-{}", database.session.namespace);
        cluster.create(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": NAMESPACE},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "client", "image": "postgres:15-alpine", "command": ["bash", "-c", SCRIPT],
                    "env": [
                        {"name": "URL", "value": database.secret("database-url")},
                        {"name": "PGCONNECT_TIMEOUT", "value": "2"},
                    ],
                }],
            },
        }));
        let client = Self { database, pod };
        database
            .until("a client that is served", || client.beats().iter().any(|beat| beat.outcome.is_ok()).then_some(()));
        client
    }

    pub fn beats(&self) -> Vec<Beat> {
        let log = self.database.kubectl().run(&["--namespace", NAMESPACE, "logs", &self.pod]).stdout;
        log.lines().filter_map(beat).collect()
    }

    /// Does a step, waits until the client is served again, and says what it saw meanwhile.
    pub fn during<T>(&self, step: impl FnOnce() -> T) -> (T, Seen) {
        let begun = now();
        let done = step();
        let ended = now();
        self.database.until("a client that is served again", || {
            self.beats().iter().any(|beat| beat.at > ended && beat.outcome.is_ok()).then_some(())
        });
        // What comes late, such as a connection that was cut, belongs to it as well.
        std::thread::sleep(Duration::from_secs(1));
        (done, seen(&self.beats(), begun))
    }

    /// How many rows the client was promised, all of which must be there.
    pub fn assert_kept(&self) -> usize {
        let promised: Vec<u64> = self.beats().into_iter().filter_map(|beat| beat.outcome.ok()).collect();
        let kept = self.database.sql("SELECT id FROM beats");
        let kept: std::collections::BTreeSet<u64> =
            kept.expect_code(0).stdout.lines().filter_map(|line| line.trim().parse().ok()).collect();
        let lost: Vec<&u64> = promised.iter().filter(|id| !kept.contains(id)).collect();
        assert!(lost.is_empty(), "rows that the server had confirmed are gone: {lost:?}");
        promised.len()
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.database.session.cluster.begin_delete("pod", NAMESPACE, &self.pod);
        }
    }
}

fn beat(line: &str) -> Option<Beat> {
    let mut words = line.splitn(3, ' ');
    let at = words.next()?.parse().ok()?;
    let outcome = match (words.next()?, words.next().unwrap_or_default()) {
        ("ok", id) => Ok(id.trim().parse().ok()?),
        (_, error) => Err(error.to_owned()),
    };
    Some(Beat { at, outcome })
}

/// The time from the last row before a failure to the first one after it, of all failures since `begun`. Without a failure it is
/// zero, however slow the server was.
fn seen(beats: &[Beat], begun: f64) -> Seen {
    let (mut downtime, mut errors) = (0.0, Vec::new());
    let (mut last_ok, mut is_down) = (begun, false);
    for beat in beats {
        match &beat.outcome {
            Ok(_) => {
                if is_down {
                    downtime += beat.at - last_ok;
                }
                (last_ok, is_down) = (beat.at.max(begun), false);
            }
            Err(error) if beat.at >= begun => {
                is_down = true;
                let error = short(error);
                if !errors.contains(&error) {
                    errors.push(error);
                }
            }
            Err(_) => {}
        }
    }
    Seen { downtime, errors }
}

/// The end of psql's message, which is the cause, without what it advises. A PANIC names a file that has a number in its name.
fn short(error: &str) -> String {
    let error = error.rsplit_once("failed: ").map_or(error, |(_, cause)| cause);
    let ends = ["Is the server running", "server closed the connection", "This probably means", "DETAIL:"];
    let end = ends.iter().filter_map(|end| error.find(end)).filter(|end| *end > 0).min().unwrap_or(error.len());
    let words = error[..end].split_whitespace().map(|word| if word.contains("xlogtemp") { "..." } else { word });
    words.collect::<Vec<_>>().join(" ")
}

pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
