//! The stacks under trial, their states, and the phases that lead from one state to another.

use std::collections::BTreeSet;

use holm::prelude::*;
use holm_core::Graph;

/// How many applications of five objects the larger stack has.
const APPLICATIONS: usize = 10;

/// A stack under trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StackKind {
    /// The resources of holm-pg.
    Postgres,
    /// Ten applications of ConfigMap, Secret with a generated value, ServiceAccount, Service, and Deployment.
    Applications,
}

/// A state of a stack. The default is the one in which it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Variant {
    /// Images and values are others.
    pub is_updated: bool,
    /// The Deployments select other labels, which cannot be changed in place.
    pub is_replaced: bool,
    /// Part of the resources is left out.
    pub is_pruned: bool,
}

/// A change of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// From nothing.
    Create,
    /// Other images and values.
    Update,
    /// Other selectors.
    Replace,
    /// Part of the resources leaves the program.
    Prune,
    /// That part comes back.
    Extend,
    /// Everything goes, the namespace too.
    Destroy,
}

impl StackKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::Applications];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "pg",
            Self::Applications => "apps",
        }
    }

    /// The stack of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The stack in `namespace`.
    pub fn graph(self, namespace: &str, variant: Variant) -> Graph {
        let program = format!("faults-{}", self.name());
        let config = Config::new("default");
        let graph = holm_core::declare::graph(&program, None, &config, |stack, _| {
            stack.namespace(namespace);
            match self {
                Self::Postgres => postgres(stack, namespace, variant),
                Self::Applications => applications(stack, variant),
            }
            Ok(())
        });
        graph.unwrap_or_else(|problems| panic!("the stack under trial has problems: {problems}"))
    }

    /// The consent to delete whatever needs it.
    pub fn consents(self, namespace: &str) -> BTreeSet<String> {
        let graph = self.graph(namespace, Variant::default());
        let needs_it = |kind: &str| matches!(kind, "Namespace" | "Secret" | "PersistentVolumeClaim");
        graph
            .resources()
            .iter()
            .filter(|resource| needs_it(&resource.id.kind))
            .map(|resource| resource.id.short())
            .collect()
    }
}

impl Phase {
    /// All of them, in an order in which each follows from the one before.
    pub const ALL: [Self; 6] = [Self::Create, Self::Update, Self::Replace, Self::Prune, Self::Extend, Self::Destroy];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Prune => "prune",
            Self::Extend => "extend",
            Self::Destroy => "destroy",
        }
    }

    /// The phase of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }

    /// The state before it, as close to `current` as can be. None is a stack that is not there.
    pub fn before(self, current: Option<Variant>) -> Option<Variant> {
        let variant = current.unwrap_or_default();
        match self {
            Self::Create => None,
            Self::Update | Self::Replace | Self::Prune => Some(Variant { is_pruned: false, ..variant }),
            Self::Extend => Some(Variant { is_pruned: true, ..variant }),
            Self::Destroy => Some(variant),
        }
    }

    /// The state that it leads to.
    pub fn after(self, before: Option<Variant>) -> Option<Variant> {
        let variant = before.unwrap_or_default();
        match self {
            Self::Create => Some(Variant::default()),
            Self::Update => Some(Variant { is_updated: !variant.is_updated, ..variant }),
            Self::Replace => Some(Variant { is_replaced: !variant.is_replaced, ..variant }),
            Self::Prune => Some(Variant { is_pruned: true, ..variant }),
            Self::Extend => Some(Variant { is_pruned: false, ..variant }),
            Self::Destroy => None,
        }
    }
}

/// The resources of the example holm-pg, with what the phases need to vary.
fn postgres(stack: &Stack, namespace: &str, variant: Variant) {
    let password = stack.generated("postgres-password", Password::alphanumeric(32));
    let url = format!("postgres://holm:{{password}}@postgres.{namespace}.svc.cluster.local:5432/holm?sslmode=disable");
    let credentials = stack.add(
        Secret::opaque("postgres-secret")
            .entry("password", &password)
            .entry("database-url", Input::template(&url, [("password", password.clone().url_encode())])),
    );
    let data = stack.add(PersistentVolumeClaim::new("postgres-pvc").read_write_once().request("5Gi").protect());
    let port = Port::tcp("postgres", 5432);
    let image = if variant.is_updated { "postgres:15.1-alpine" } else { "postgres:15-alpine" };
    let mut server = Container::new("postgres", image)
        .port(&port)
        .env("POSTGRES_PASSWORD", credentials.key("password"))
        .mount("/var/lib/postgresql/data", &data)
        .mount("/tmp", Volume::empty_dir("tmp"))
        .request(Cpu::millis(100), Memory::mebibytes(128))
        .limit(Cpu::millis(500), Memory::mebibytes(512))
        .security(SecurityContext::restricted().read_only_root_filesystem())
        .readiness(Probe::tcp(&port).period(Duration::from_secs(10)));
    if !variant.is_pruned {
        let sql = if variant.is_updated { "CREATE DATABASE other;\n" } else { "CREATE DATABASE backups;\n" };
        let init = stack.add(ConfigMap::new("postgres-init").entry("databases.sql", sql));
        server = server.mount("/docker-entrypoint-initdb.d", &init);
    }
    let mut deployment = Deployment::new("postgres")
        .replicas(1)
        .recreate()
        .security(PodSecurityContext::restricted().run_as(70, 70).fs_group(70))
        .automount_service_account_token(false);
    if variant.is_replaced {
        deployment = deployment.pod_label("role", "postgres").selector([("role", "postgres")]);
    }
    let postgres = stack.add(deployment.container(server));
    if !variant.is_pruned {
        stack.add(Service::to(&postgres, &port));
    }
}

fn applications(stack: &Stack, variant: Variant) {
    let count = if variant.is_pruned { APPLICATIONS / 2 } else { APPLICATIONS };
    for number in 0..count {
        let name = format!("app-{number}");
        let level = if variant.is_updated { "debug" } else { "info" };
        let settings = stack.add(ConfigMap::new(&name).entry("level", level));
        let token = stack.generated(&name, Password::alphanumeric(24));
        let credentials = stack.add(Secret::opaque(&name).entry("token", &token));
        let account = stack.add(ServiceAccount::new(&name));
        let port = Port::tcp("http", 8080);
        let image = if variant.is_updated { "registry.test/app:2.0" } else { "registry.test/app:1.0" };
        let container = Container::new("app", image)
            .port(&port)
            .env("LEVEL", settings.key("level"))
            .env("TOKEN", credentials.key("token"));
        let mut deployment = Deployment::new(&name).replicas(0).service_account(&account).container(container);
        if variant.is_replaced {
            deployment = deployment.pod_label("role", &name).selector([("role", name.as_str())]);
        }
        let deployment = stack.add(deployment);
        stack.add(Service::to(&deployment, &port));
    }
}
