//! How a stack is tested on a cluster: an embedded one, in the process of the test, without waiting. What is asserted here is
//! what a person relies on: it comes up, it stays as it is, it mends, it keeps its data, and it says why where it does not.

use holm::testing::{Cluster, Failure, Fault, Matching};
use serde_json::json;

use crate::declare;

/// What holds data, and needs consent to be deleted.
const DATA: [&str; 3] = ["Namespace/holm", "PersistentVolumeClaim/postgres-pvc", "Secret/postgres-secret"];

type Tested = Result<(), Failure>;

#[test]
fn it_comes_up_and_then_there_is_nothing_to_do() -> Tested {
    let cluster = Cluster::start()?;
    let postgres = cluster.stack("holm-pg", declare);
    postgres.apply()?;
    let deployment = postgres.object("Deployment/postgres").expect("it is applied");
    assert_eq!(deployment["status"]["availableReplicas"], 1);
    let claim = postgres.object("PersistentVolumeClaim/postgres-pvc").expect("it is applied");
    assert_eq!(claim["status"]["phase"], "Bound");

    let planned = postgres.plan()?;
    planned.assert_empty();
    assert!(planned.requests.len() <= 20, "a look at six objects is cheap:\n{}", planned.requests);
    postgres.plan_thoroughly()?.assert_empty();
    postgres.apply()?.assert_wrote_nothing();
    Ok(())
}

#[test]
fn killed_at_any_request_the_next_run_converges_and_the_password_stays() -> Tested {
    let cluster = Cluster::start()?;
    let postgres = cluster.stack("holm-pg", declare);
    let requests = postgres.apply()?.requests.len() as u64;
    for fault in [Fault::KillBefore, Fault::KillAfter] {
        for number in 1..=requests {
            postgres.destroy(DATA)?;
            cluster.faults().order(fault, Matching::number(number));
            match postgres.apply() {
                Err(Failure::Killed(_)) => {}
                // How many watches it takes depends on what the cluster does meanwhile, so the last ones may not come.
                done => assert!(done.is_ok() && number + 3 > requests, "{fault:?} at {number} of {requests}: {done:?}"),
            }
            cluster.faults().clear();
            let password = postgres.secret("postgres-secret");
            postgres.apply()?;
            let after = postgres.secret("postgres-secret");
            assert!(password.is_none() || password == after, "{fault:?} at {number}: the password changed");
            postgres.plan_thoroughly()?.assert_empty();
        }
    }
    Ok(())
}

#[test]
fn a_service_that_somebody_deleted_comes_back_and_nothing_else_is_touched() -> Tested {
    let cluster = Cluster::start()?;
    let postgres = cluster.stack("holm-pg", declare);
    postgres.apply()?;
    let before = postgres.object("Deployment/postgres");
    postgres.delete("Service/postgres")?;
    postgres.plan()?.assert_changes(["create Service/postgres"]);
    postgres.apply()?;
    assert!(postgres.object("Service/postgres").is_some());
    assert_eq!(postgres.object("Deployment/postgres"), before);
    Ok(())
}

#[test]
fn a_second_server_that_somebody_scaled_up_goes_again() -> Tested {
    let cluster = Cluster::start()?;
    let postgres = cluster.stack("holm-pg", declare);
    postgres.apply()?;
    postgres.edit("Deployment/postgres", "kubectl-edit", &json!({"spec": {"replicas": 2}}))?;
    assert_eq!(postgres.objects_of("Pod").len(), 2);
    let planned = postgres.plan()?;
    let drift = planned.field("Deployment/postgres", "spec.replicas").and_then(|field| field.drift.clone());
    assert_eq!(drift.map(|writer| writer.manager).as_deref(), Some("kubectl-edit"), "{planned}");
    postgres.apply()?;
    assert_eq!(postgres.objects_of("Pod").len(), 1);
    Ok(())
}

#[test]
fn a_crash_loop_is_told_with_its_exit_code_and_its_last_words() -> Tested {
    let cluster = Cluster::start()?;
    let postgres = cluster.stack("holm-pg", declare);
    let failure = postgres.with("image", "registry.test/postgres:crash-loop").apply().expect_err("it crashes");
    let cause = failure.applied().and_then(|applied| applied.cause("Deployment/postgres"));
    let container = cause.and_then(|cause| cause.container.as_ref());
    assert!(container.is_some(), "no cause: {failure}");
    let container = container.expect("it is there");
    assert_eq!(container.exit_code, Some(1));
    assert!(container.log.iter().any(|line| line.contains("fatal: simulated failure")), "{failure}");
    // The next declaration mends it.
    postgres.apply()?;
    postgres.plan()?.assert_empty();
    Ok(())
}

#[test]
fn the_data_survives_a_destroy_and_comes_back_with_its_password() -> Tested {
    let cluster = Cluster::start()?;
    let postgres = cluster.stack("holm-pg", declare);
    postgres.apply()?;
    let (password, claim) =
        (postgres.secret("postgres-secret"), uid(postgres.object("PersistentVolumeClaim/postgres-pvc")));
    postgres.destroy([])?;
    assert_eq!(postgres.object("Deployment/postgres"), None);
    postgres.apply()?;
    assert_eq!(postgres.secret("postgres-secret"), password);
    assert_eq!(uid(postgres.object("PersistentVolumeClaim/postgres-pvc")), claim);
    postgres.destroy(DATA)?;
    assert!(postgres.objects().is_empty());
    Ok(())
}

#[test]
fn the_password_is_in_the_cluster_and_in_nothing_that_a_run_says() -> Tested {
    let cluster = Cluster::start()?;
    let postgres = cluster.stack("holm-pg", declare);
    let applied = postgres.apply()?;
    let password = postgres.secret("postgres-secret").expect("it is applied")["password"].clone();
    assert_eq!(password.len(), 32);
    assert!(!format!("{applied:?}\n{applied}").contains(&password));
    Ok(())
}

fn uid(object: Option<serde_json::Value>) -> Option<String> {
    object?["metadata"]["uid"].as_str().map(str::to_owned)
}
