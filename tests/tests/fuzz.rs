//! A sample of the fuzzer: the same random requests to a real API server and to the embedded one. The whole of it is
//! `cargo run --release -p holm-e2e --bin fuzz`.

use holm_apiserver::ApiServer;
use holm_conformance::fuzz::{Campaign, define};
use holm_e2e::ControlPlane;

#[test]
fn both_servers_answer_the_same_random_requests_alike() {
    let plane = ControlPlane::shared("fuzz-sample");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tally = runtime.block_on(async {
        let real = holm_e2e::fault::connect(plane.admin()).await.expect("the server is there");
        let embedded = ApiServer::new().expect("the server starts").client();
        for server in [&real, &embedded] {
            define(server).await.expect("the definitions are made");
        }
        let campaign = Campaign { operations: 5_000, name: "sample".to_owned(), ..Campaign::default() };
        campaign.run([&real, &embedded], &|_| {}).await
    });
    assert!(tally.is_clean(), "{tally}");
    assert!(tally.operations >= 5_000, "{tally}");
}
