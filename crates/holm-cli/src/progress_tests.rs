use holm_executor::event::SkipReason;
use holm_readiness::{Readiness, State};

use crate::render::sample;

use super::*;

/// A run in which a claim waits, a Deployment fails, and one more is skipped.
fn run(progress: &mut Progress, layout: Layout) -> Instant {
    let start = progress.started;
    let id = sample::id;
    let seconds = Duration::from_secs;
    let waiting = |id, message: &str| Event::Waiting {
        id,
        readiness: Readiness { state: State::InProgress, reason: "Pending".into(), message: message.into() },
    };
    let create = Action::Create;
    let events = [
        (0, Event::Started { id: id("Namespace", "holm"), action: create }),
        (0, Event::Written { id: id("Namespace", "holm"), action: create, after: seconds(0) }),
        (1, Event::Ready { id: id("Namespace", "holm"), after: seconds(1), note: None }),
        (1, Event::Ready { id: id("Secret", "unchanged"), after: seconds(0), note: None }),
        (1, Event::Started { id: id("PersistentVolumeClaim", "postgres-pvc"), action: create }),
        (1, waiting(id("PersistentVolumeClaim", "postgres-pvc"), "waits for its first consumer")),
        (2, Event::Started { id: id("Deployment", "postgres"), action: create }),
        (2, waiting(id("Deployment", "postgres"), "0 of 1 replicas are available,\nand \u{1b}[2J more")),
        (2, waiting(id("Deployment", "postgres"), "0 of 1 replicas are available,\nand \u{1b}[2J more")),
        (2, Event::Warning { id: None, text: "deprecated".into() }),
        (2, Event::Warning { id: None, text: "deprecated".into() }),
        (3, Event::Retrying { id: id("Service", "postgres"), error: "429".into(), after: seconds(2) }),
    ];
    for (at, event) in events {
        progress.event(&event, start + seconds(at), layout);
    }
    start
}

fn end(progress: &mut Progress, start: Instant, layout: Layout) {
    let now = start + Duration::from_secs(70);
    let failed = Event::Failed {
        id: sample::id("Deployment", "postgres"),
        action: Action::Create,
        failure: sample::crash_loop(),
    };
    let skipped = Event::Skipped {
        id: sample::id("Service", "postgres"),
        action: Action::Create,
        because: SkipReason::DependencyFailed(sample::id("Deployment", "postgres")),
    };
    for event in [failed, skipped] {
        progress.event(&event, now, layout);
    }
}

#[test]
fn plain_lines_say_when_something_begins_and_ends() {
    let layout = Layout { color: false, width: None };
    let mut progress = Progress::new(&sample::first_plan(), false, BTreeSet::new());
    let start = run(&mut progress, layout);
    end(&mut progress, start, layout);
    insta::assert_snapshot!(progress.draw(start, layout), @r"
      + Namespace/holm                      creating
      + Namespace/holm                      created after 1.0s
      + PersistentVolumeClaim/postgres-pvc  creating
      + PersistentVolumeClaim/postgres-pvc  waits for its first consumer
      + Deployment/postgres                 creating
      + Deployment/postgres                 0 of 1 replicas are available,
                                            and \u{1b}[2J more
    warning: deprecated
      + Service/postgres                    trying again in 2.0s: 429
      + Deployment/postgres                 failed: did not become ready
      + Service/postgres                    not done: needs Deployment/postgres
    ");
}

#[test]
fn a_terminal_shows_what_is_in_flight_below_what_is_done() {
    let layout = Layout { color: false, width: Some(80) };
    let mut progress = Progress::new(&sample::first_plan(), true, BTreeSet::new());
    let start = run(&mut progress, layout);
    let first = progress.draw(start + Duration::from_secs(14), layout);
    insta::assert_snapshot!(first, @r"
      + Namespace/holm                      created after 1.0s
    warning: deprecated
      + PersistentVolumeClaim/postgres-pvc     13s  waits for its first consumer
      + Deployment/postgres                    12s
            0 of 1 replicas are available, and \u{1b}[2J more
      + Service/postgres                       11s  trying again in 2.0s: 429
        1 of 6 done, 3 in flight, 14s
    ");
    assert!(first.lines().all(|line| columns(line) < 80), "{first}");
    end(&mut progress, start, layout);
    let second = progress.draw(start + Duration::from_secs(70), layout);
    insta::assert_snapshot!(visible(&second), @"
    <return>^[5A^[J  + Deployment/postgres                 failed: did not become ready
      + Service/postgres                    not done: needs Deployment/postgres
      + PersistentVolumeClaim/postgres-pvc   1m09s  waits for its first consumer
        3 of 6 done, 1 in flight, 1m10s
    ");
    insta::assert_snapshot!(visible(&progress.finish()), @"<return>^[2A^[J");
}

#[test]
fn many_in_flight_take_no_more_than_their_share_of_the_screen() {
    let layout = Layout { color: false, width: Some(80) };
    let mut progress = Progress::new(&sample::first_plan(), true, BTreeSet::new());
    let start = progress.started;
    for number in 0..100 {
        let id = sample::id("ConfigMap", &format!("{number}-{}", "long-name".repeat(9)));
        progress.event(&Event::Started { id, action: Action::Create }, start, layout);
    }
    let text = progress.draw(start, layout);
    assert_eq!(text.lines().count(), SHOWN + 2);
    assert!(text.contains("and 92 more") && text.lines().all(|line| columns(line) < 80), "{text}");
}

#[test]
fn no_drawn_line_is_wider_than_its_window() {
    for width in 1..140 {
        let layout = Layout { color: false, width: Some(width) };
        let mut progress = Progress::new(&sample::first_plan(), true, BTreeSet::new());
        let start = run(&mut progress, Layout { color: false, width: None });
        progress.finish();
        let text = progress.draw(start + Duration::from_secs(14), layout);
        assert!(text.lines().all(|line| columns(line) < width.max(2)), "{width}: {text}");
        assert_eq!(text.lines().count(), progress.drawn, "{width}: {text}");
    }
}

/// Escape sequences as text.
fn visible(text: &str) -> String {
    text.replace('\u{1b}', "^").replace('\r', "<return>")
}

#[test]
fn without_a_terminal_a_line_says_every_ten_seconds_what_is_waited_for_and_why() {
    let layout = Layout { color: false, width: Some(80) };
    let mut progress = Progress::new(&sample::first_plan(), false, BTreeSet::new());
    let start = run(&mut progress, layout);
    let at = |seconds| start + Duration::from_secs(seconds);
    progress.draw(at(3), layout);
    assert_eq!(progress.draw(at(12), layout), "");
    insta::assert_snapshot!(progress.draw(at(13), layout), @r"
    1 of 6 done after 13s; waiting for PersistentVolumeClaim/postgres-pvc (waits
    for its first consumer), Deployment/postgres (0 of 1 replicas are available,
    and \u{1b}[2J more), Service/postgres (trying again in 2.0s: 429)
    ");
    assert_eq!(progress.draw(at(22), layout), "");
    assert!(progress.draw(at(23), layout).contains("waiting for"));
    let mut live = Progress::new(&sample::first_plan(), true, BTreeSet::new());
    let start = run(&mut live, layout);
    assert_eq!(visible(&live.draw(start + Duration::from_secs(60), layout)).matches("waiting for").count(), 0);
}
