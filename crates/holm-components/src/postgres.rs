//! A PostgreSQL server.

mod backup;
mod server;
mod sql;

use holm_core::{Component, Input, IntoResource, Name, Password, Ref, ResourceOptions as _, Stack};
use holm_resources::{
    ConfigMap, Container, Cpu, Deployment, Keyed as _, Memory, PersistentVolumeClaim, Port, Secret, SecretKey, Service,
    ServiceAddress as _, kind,
};

pub use backup::Backup;

/// One PostgreSQL server with its data on a volume, the role that clients log in as, and databases that the role owns.
///
/// It adds the Secret `NAME-secret` with the keys `password` and `database-url`, the ConfigMap `NAME-init`, the claim `NAME-pvc`, which is
/// protected, and a Deployment and a Service `NAME`. The password is generated once; the superuser `postgres` has the same.
///
/// The databases and the role are made on the first start, on an empty volume. One that is interrupted is made again, and what it left
/// is moved aside. [`ensure`](Self::ensure) makes those that are added later.
#[must_use = "a component does nothing until declare() adds it to a stack"]
pub struct Postgres {
    component: Component,
    name: String,
    role: String,
    databases: Vec<String>,
    image: Input,
    storage: String,
    storage_class: Option<String>,
    request: (Cpu, Memory),
    limit: (Cpu, Memory),
    init: Option<(String, String)>,
    ensure: bool,
    backup: Option<Backup>,
    change_container: Option<Box<dyn FnOnce(Container) -> Container>>,
    change_deployment: Option<Box<dyn FnOnce(Deployment) -> Deployment>>,
}

/// What a [`Postgres`] added.
#[derive(Clone, Debug)]
pub struct PostgresServer {
    /// The Secret with the keys `password` and `database-url`.
    pub credentials: Ref<kind::Secret>,
    /// The claim of the data.
    pub data: Ref<kind::PersistentVolumeClaim>,
    /// The pod.
    pub workload: Ref<kind::Deployment>,
    /// The address.
    pub service: Ref<kind::Service>,
    /// The port that it listens on.
    pub port: Port,
    /// The role that clients log in as.
    pub role: String,
    /// The databases, all owned by the role.
    pub databases: Vec<String>,
}

impl PostgresServer {
    /// The host name within the cluster.
    pub fn host(&self) -> Name {
        self.service.dns_name()
    }

    /// The key of the Secret with the password of the role.
    pub fn password(&self) -> SecretKey {
        self.credentials.key("password")
    }

    /// The key of the Secret with the URL of the first database, password included.
    pub fn database_url(&self) -> SecretKey {
        self.credentials.key("database-url")
    }
}

impl Postgres {
    /// A server named `name`, of the image `postgres:15-alpine`, whose clients log in as `role`.
    pub fn new(name: &str, role: &str) -> Self {
        Self {
            component: Component::new(name).of_a_library(),
            name: name.to_owned(),
            role: role.to_owned(),
            databases: Vec::new(),
            image: "postgres:15-alpine".into(),
            storage: "5Gi".to_owned(),
            storage_class: None,
            request: (Cpu::millis(100), Memory::mebibytes(128)),
            limit: (Cpu::millis(500), Memory::mebibytes(512)),
            init: None,
            ensure: false,
            backup: None,
            change_container: None,
            change_deployment: None,
        }
    }

    /// Options for all its resources, such as `options().retain_on_delete()`.
    pub fn options(mut self, options: impl IntoResource) -> Self {
        self.component = self.component.options(options);
        self
    }

    /// A database that the role owns. The first is the one of the URL. At least one is needed.
    pub fn database(mut self, name: &str) -> Self {
        self.databases.push(name.to_owned());
        self
    }

    /// The image, of the official `postgres` image or one that starts as it does. Default: `postgres:15-alpine`.
    pub fn image(mut self, image: impl Into<Input>) -> Self {
        self.image = image.into();
        self
    }

    /// The size of the volume, such as `5Gi`, the default. It may grow later where the storage class allows it.
    pub fn storage(mut self, size: &str) -> Self {
        size.clone_into(&mut self.storage);
        self
    }

    /// The storage class of the volume. Default: the cluster's default class.
    pub fn storage_class(mut self, name: &str) -> Self {
        self.storage_class = Some(name.to_owned());
        self
    }

    /// The CPU and memory that are set aside for it. Default: 100m and 128Mi.
    pub fn request(mut self, cpu: Cpu, memory: Memory) -> Self {
        self.request = (cpu, memory);
        self
    }

    /// The CPU and memory that it may use at most. Default: 500m and 512Mi.
    pub fn limit(mut self, cpu: Cpu, memory: Memory) -> Self {
        self.limit = (cpu, memory);
        self
    }

    /// A script of the first start in place of the one that makes the role and the databases, by its file name. It must make both.
    pub fn initialize_with(mut self, file: &str, script: &str) -> Self {
        self.init = Some((file.to_owned(), script.to_owned()));
        self
    }

    /// Makes the role and the databases that are missing on a volume that already holds a cluster, and sets the role's password: by a
    /// Job that runs when the server is ready, and again whenever the names change.
    pub fn ensure(mut self) -> Self {
        self.ensure = true;
        self
    }

    /// Dumps every database on a schedule.
    pub fn backup(mut self, backup: Backup) -> Self {
        self.backup = Some(backup);
        self
    }

    /// Changes the container in a way that the component has no word for, such as with another probe or one more mount.
    pub fn container(mut self, change: impl FnOnce(Container) -> Container + 'static) -> Self {
        self.change_container = Some(Box::new(change));
        self
    }

    /// Changes the Deployment in a way that the component has no word for.
    pub fn deployment(mut self, change: impl FnOnce(Deployment) -> Deployment + 'static) -> Self {
        self.change_deployment = Some(Box::new(change));
        self
    }

    /// Adds it to a stack.
    #[track_caller]
    pub fn declare(mut self, stack: &Stack) -> PostgresServer {
        let component = self.component.clone();
        stack.component(component, |stack| {
            if self.databases.is_empty() {
                stack.report(&format!("PostgreSQL {} needs a database; add .database(NAME)", self.name));
                self.databases.push(self.role.clone());
            }
            for name in self.databases.iter().chain([&self.role]) {
                if let Err(rule) = sql::checked(name) {
                    stack.report(&format!("PostgreSQL {}: \"{name}\" is not a valid name: {rule}", self.name));
                }
            }
            self.add_to(stack)
        })
    }

    fn add_to(mut self, stack: &Stack) -> PostgresServer {
        let (change_container, change_deployment) = (self.change_container.take(), self.change_deployment.take());
        let Self { name, role, databases, .. } = &self;
        let password = stack.generated(&format!("{name}-password"), Password::alphanumeric(32));
        let namespace = stack.default_namespace().unwrap_or_else(|| "default".to_owned());
        let host = format!("{name}.{namespace}.svc.cluster.local");
        let (port, first) = (Port::tcp("postgres", 5432), databases.first().unwrap_or(role));
        let url = format!("postgres://{role}:{{password}}@{host}:{}/{first}?sslmode=disable", port.number());
        let credentials = stack.add(
            Secret::opaque(&format!("{name}-secret"))
                .entry("password", &password)
                .entry("database-url", Input::template(&url, [("password", password.clone().url_encode())])),
        );
        let (file, script) =
            self.init.clone().unwrap_or_else(|| ("databases.sql".to_owned(), sql::first_start(role, databases)));
        let script = sql::finished(&file, script);
        let init = stack.add(
            ConfigMap::new(&format!("{name}-init")).entry(&file, script).note_on_change_of("data", server::RUNS_ONCE),
        );
        let mut claim =
            PersistentVolumeClaim::new(&format!("{name}-pvc")).read_write_once().request(&self.storage).protect();
        if let Some(class) = &self.storage_class {
            claim = claim.storage_class(class);
        }
        let data = stack.add(claim);
        let workload = server::Server {
            name,
            role,
            databases,
            image: &self.image,
            request: &self.request,
            limit: &self.limit,
            port: &port,
            credentials: &credentials,
            init: &init,
            data: &data,
        };
        let container = match change_container {
            Some(change) => change(workload.container()),
            None => workload.container(),
        };
        let deployment = workload.deployment(container);
        let workload = stack.add(match change_deployment {
            Some(change) => change(deployment),
            None => deployment,
        });
        let service = stack.add(Service::to(&workload, &port));
        let server =
            PostgresServer { credentials, data, workload, service, port, role: self.role, databases: self.databases };
        if self.ensure {
            stack.add(sql::ensure(&self.name, &self.image, &server));
        }
        if let Some(backup) = self.backup {
            backup.add_to(stack, &self.name, &self.image, &server);
        }
        server
    }
}
