//! Every builder and both components in one stack, with a transform, policies and rollouts: what the API server must take as it is.

use std::process::ExitCode;

use holm::components::{Backup, Postgres, WebService};
use holm::policy;
use holm::prelude::*;
use holm::transform;

fn main() -> ExitCode {
    holm::run("library", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    let name = config.get("namespace").unwrap_or("library");
    stack.namespace(name);
    stack.transform(transform::label("team", "shop"));
    stack.roll_on_change();
    if config.get("strict") == Some("yes") {
        stack.policies(policy::recommended());
    }
    stack.add(ResourceQuota::new("quota").requests(Cpu::cores(8), Memory::gibibytes(16)).pods(50).storage("100Gi"));
    stack.add(
        LimitRange::new("limits")
            .default_request(Cpu::millis(10), Memory::mebibytes(16))
            .default_limit(Cpu::millis(500), Memory::mebibytes(512))
            .max(Cpu::cores(2), Memory::gibibytes(2)),
    );
    let settings = stack.add(ConfigMap::new("settings").entry("level", config.get("level").unwrap_or("info")));
    let certificate = stack.made_at_run_time("web-tls");
    let backup = Backup::at("0 3 * * *").keep(2).storage("1Gi");
    let database = Postgres::new("db", "shop").database("shop").database("audit").storage("1Gi").backup(backup);
    let database = database.declare(stack);
    WebService::new("web", "example.org/web:1")
        .readiness("/ready")
        .request(Cpu::millis(10), Memory::mebibytes(16))
        .limit(Cpu::millis(100), Memory::mebibytes(32))
        .autoscale(2..=3, Percent(70))
        .host("web.example.org")
        .tls(&certificate)
        .env("LEVEL", settings.key("level"))
        .env("DB_HOST", database.host())
        .env("DB_PORT", database.port.number())
        .env("DB_PASSWORD", database.password())
        .connect_to(&database.workload, &database.port)
        .declare(stack);
    cluster(stack, name);
    Ok(())
}

/// What is not in a namespace, under names of this stack.
fn cluster(stack: &Stack, name: &str) {
    let account = stack.add(ServiceAccount::new("agent"));
    let role = stack.add(
        Role::new("agent").allow::<kind::ConfigMap>(Verb::READ).allow_subresource::<kind::Pod>("log", [Verb::Get]),
    );
    stack.add(RoleBinding::of(&role).to(&account));
    let nodes = stack.add(ClusterRole::new(name).allow::<kind::Node>(Verb::READ).allow_path("/metrics", [Verb::Get]));
    stack.add(ClusterRoleBinding::of(&nodes).to(&account).to_group("developers"));
    let important = stack.add(PriorityClass::new(name, 1000).description("what customers wait for").never_preempts());
    let agent = Container::new("agent", "example.org/agent:1").request(Cpu::millis(10), Memory::mebibytes(16));
    stack.add(
        DaemonSet::new("agent")
            .max_unavailable(Percent(50))
            .container(agent)
            .service_account(&account)
            .priority_class(important.name()),
    );
    let class = stack.add(StorageClass::new(name, "example.org/none").parameter("type", "fast").allow_expansion());
    let volume = PersistentVolume::nfs(name, "1Gi", "nas.example.org", "/files").storage_class(class.name());
    let volume = stack.add(volume.reclaim(ReclaimPolicy::Retain));
    stack.add(PersistentVolumeClaim::new("files").read_write_many().request("1Gi").bound_to(&volume));
}
