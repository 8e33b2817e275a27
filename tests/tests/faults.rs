//! A sample of the fault campaign: a few requests of every phase, each with some fault. The whole of it is
//! `cargo run --release -p holm-e2e --bin faults`.

use holm_e2e::fault::{Campaign, Fault, Phase, StackKind, connect};
use holm_e2e::{ControlPlane, is_embedded};

#[test]
fn whatever_happens_at_a_request_the_next_run_mends() {
    let campaign = Campaign {
        stacks: StackKind::ALL.to_vec(),
        phases: Phase::ALL.to_vec(),
        faults: Fault::ALL.to_vec(),
        // A prime number, so that the requests are not always of the same phase of a run.
        every: 79,
        workers: 3,
        name: "sample".to_owned(),
    };
    let tally = if is_embedded() {
        campaign.run_embedded(&|_| {})
    } else {
        let cluster = ControlPlane::shared("fault-sample");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client = connect(cluster.admin()).await?;
            campaign.run(&client, &|_| {}).await
        })
    };
    let tally = tally.expect("a run without a fault does not fail");
    assert!(tally.failures.is_empty(), "{tally}");
    assert!(tally.runs() >= 20, "only {} runs", tally.runs());
    let (runs, through) = tally.came_through();
    assert_eq!(runs, through, "a fault that passes made a run fail\n{tally}");
}
