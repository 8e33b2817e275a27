//! A sample of the fuzzer: the same random requests to a real API server and to the embedded one. The whole of it is
//! `cargo run --release -p holm-e2e --bin fuzz`.

use holm_apiserver::ApiServer;
use holm_conformance::fuzz::{Campaign, define};
use holm_e2e::{ControlPlane, is_embedded};

const OPERATIONS: usize = 1_500;

#[test]
#[allow(clippy::print_stderr, reason = "the note is for the person who runs the tests")]
fn both_servers_answer_the_same_random_requests_alike() {
    if is_embedded() {
        eprintln!(
            "note: without a real control plane (HOLM_E2E=real) there is nothing to compare the embedded one with"
        );
        return;
    }
    let plane = ControlPlane::shared("fuzz-sample");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tally = runtime.block_on(async {
        let real = holm_e2e::fault::connect(plane.admin()).await.expect("the server is there");
        let embedded = ApiServer::new().expect("the server starts").client();
        for server in [&real, &embedded] {
            define(server).await.expect("the definitions are made");
        }
        let campaign = Campaign { operations: OPERATIONS, name: "sample".to_owned(), ..Campaign::default() };
        let servers = [&real, &embedded];
        let mut tally = campaign.run(servers, &|_| {}).await;
        campaign.shrink(&mut tally, servers, 3).await.expect("both servers answer");
        tally
    });
    assert!(tally.is_clean(), "{tally}\nA sequence is played again with `fuzz --replay FILE`.");
    assert!(tally.operations >= OPERATIONS, "{tally}");
}
