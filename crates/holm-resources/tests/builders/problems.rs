//! What a builder makes has no problems of its own, whatever it is given.

use holm_core::{Input, Stack};
use holm_resources::{
    ConfigMap, Container, Cpu, Deployment, Keyed, Memory, Mount, PersistentVolumeClaim, PodOptions, Port, Probe,
    Secret, Service, StatefulSet, Volume,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Choices {
    name: String,
    port: u16,
    containers: usize,
    uses_claim: bool,
    uses_settings: bool,
    uses_secret: bool,
    probes: bool,
    is_stateful: bool,
    replicas: u32,
}

fn choices() -> impl Strategy<Value = Choices> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    ("[a-z]([a-z0-9-]{0,20}[a-z0-9])?", 1..=u16::MAX, 1..4_usize, flags, 0..5_u32).prop_map(
        |(name, port, containers, (uses_claim, uses_settings, uses_secret, probes, is_stateful), replicas)| Choices {
            name,
            port,
            containers,
            uses_claim,
            uses_settings,
            uses_secret,
            probes,
            is_stateful,
            replicas,
        },
    )
}

fn container(choices: &Choices, number: usize, stack: &Stack) -> (Container, Port) {
    let suffix = |what: &str| format!("{what}-{number}");
    let port = Port::tcp(&format!("p{number}"), choices.port.wrapping_add(number as u16).max(1));
    let mut container =
        Container::new(&suffix("c"), "example.org/shop:1").port(&port).request(Cpu::millis(10), Memory::mebibytes(16));
    if choices.uses_claim {
        let data = stack.add(PersistentVolumeClaim::new(&suffix("data")).read_write_once().request("1Gi"));
        container = container.mount("/data", &data).env("VOLUME", data.field("spec.volumeName"));
    }
    if choices.uses_settings {
        let settings = stack.add(ConfigMap::new(&suffix("s.conf")).entry("a.conf", "a").entry("b", "b"));
        container = container
            .env("B", settings.key("b"))
            .mount("/etc/a", settings.volume().items([("a.conf", "a")]))
            .mount("/etc/all", &settings);
    }
    if choices.uses_secret {
        let text = Input::template("user={user}", [("user", Input::from("shop"))]);
        let secret = stack.add(Secret::opaque(&suffix("s.conf")).entry("token", text));
        container = container.env("TOKEN", secret.key("token")).mount("/run/secret", secret.volume().mode(0o400));
    }
    if choices.probes {
        container = container.readiness(Probe::tcp(&port)).liveness(Probe::http("/", &port));
    }
    (container.mount("/tmp", Volume::empty_dir("tmp")), port)
}

proptest! {
    #[test]
    fn what_builders_make_has_no_problems(choices in choices()) {
        let stack = Stack::new("shop", "dev", None);
        stack.namespace("shop");
        let parts: Vec<_> = (0..choices.containers).map(|number| container(&choices, number, &stack)).collect();
        let (containers, ports): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let port = ports[0].clone();
        if choices.is_stateful {
            let set = StatefulSet::new(&choices.name).replicas(choices.replicas);
            let set = stack.add(containers.into_iter().fold(set, StatefulSet::container));
            stack.add(Service::to(&set, &port).headless());
        } else {
            let deployment = Deployment::new(&choices.name).replicas(choices.replicas).recreate();
            let deployment = stack.add(containers.into_iter().fold(deployment, Deployment::container));
            stack.add(Service::to(&deployment, &port));
        }
        let graph = stack.build().map_err(|problems| TestCaseError::fail(problems.to_string()))?;
        prop_assert_eq!(graph.selections().len(), 1);
    }
}
