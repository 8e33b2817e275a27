//! A simulated node, scheduler, volume provisioner and load balancer, as plain clients of any Kubernetes cluster: of the embedded
//! one, and of a real control plane without nodes.
//!
//! No containers run. Pods get the statuses and Events that a kubelet of Kubernetes 1.37 gives them, with shorter times, and they
//! fail when they are told to or when what they need is not there.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use holm_node::{Node, NodeOptions};
//!
//! let client = kube::Client::try_default().await?;
//! // A real control plane has a scheduler of its own.
//! let node = Node::new(client, NodeOptions::default().name("simulated").schedules(false));
//! let error = node.run().await;
//! # Err(error.into())
//! # }
//! ```
//!
//! [`Node::settle`] does what is due and returns, for tests whose clock stands still; [`Node::run`] goes on for ever.
//!
//! # The kubelet
//! It registers its node (64 CPUs, 256 GiB, 10,000 pods) and starts the pods that are bound to it at once, init containers and
//! sidecars included. It looks at what a pod names, and starts a container when it is there:
//! - A Secret or ConfigMap of the environment that is missing, or its key, is `CreateContainerConfigError` for that container.
//! - A volume of a Secret, ConfigMap or claim that is missing or not bound is `ContainerCreating` for all, and Events `FailedMount`.
//!
//! What is `optional` may be missing. The readiness of a pod follows its readiness gates. A pod that is deleted
//! goes at once, whatever its grace period.
//!
//! A pod whose `restartPolicy` is `Never` or `OnFailure` is to come to an end, and succeeds after 0.1 s: those of Jobs, of
//! `kubectl run --restart=Never`, of `helm test`. Ordered to `job-hang`, it runs on.
//!
//! # Failures to order
//! By the annotation or label `holm.dev/simulate: MODE` on the pod, which holds for its first container (the first init container
//! for `init-crash-loop`) or for the one that `holm.dev/simulate-container` names; or by MODE as a word of a container's image,
//! between `/`, `:`, `.`, `_`, `-` or `@`: `registry.test/db:crash-loop`.
//!
//! | MODE | what happens |
//! | --- | --- |
//! | `image-pull-error`, in an image also `does-not-exist` | ErrImagePull, ImagePullBackOff 0.5 s later, the next pull after 15 s; the pod is Pending |
//! | `registry-unreachable` | the same, because the registry cannot be reached |
//! | `evict` | runs for 1 s and is evicted for its use of the disk: the pod is Failed |
//! | `config-error` | CreateContainerConfigError, as if the first key of its environment were missing |
//! | `crash-loop` | logs `fatal: simulated failure`, exits with 1 after 0.5 s, starts again at once, then CrashLoopBackOff and a start every 3 s |
//! | `oom` | the same with OOMKilled, 137 |
//! | `init-crash-loop`, in an init container's image `crash-loop` | the same for an init container; the pod is Pending |
//! | `job-fail` | the same as `crash-loop` |
//! | `never-ready` | runs and is never ready; Event Unhealthy |
//! | `slow` | is ready after 3 s |
//! | `slow-stop` | takes 3 s to stop, or its grace period if that is shorter |
//! | `job-hang` | a pod that is to end and never does |
//! | `unschedulable` | gets no node, where this crate schedules |
//!
//! With `restartPolicy: Never` a crash ends the pod. The annotation `holm.dev/log` is the text that the containers of a pod have
//! logged, for whoever answers for logs: the embedded API server does.
//!
//! # The scheduler
//! With [`NodeOptions::schedules`] it binds pods of the scheduler `default-scheduler`. It heeds scheduling gates, cordoned nodes,
//! taints, node selectors and required node affinity, ports of the host, requests of resources, required affinity of pods to other
//! pods, and volumes; a claim that waits for its first consumer gets a volume that is there, or its node. What fits nowhere has
//! the condition and the Event of the real scheduler, and is tried again when something changes that may help.
//!
//! # Volumes and load balancers
//! It makes volumes for the claims of its [provisioners](NodeOptions::provisioners) when the cluster's binder asks for them, lets
//! bound claims grow, and removes released volumes whose policy is Delete. A Service of type LoadBalancer gets an address when it
//! has the annotation `holm.dev/load-balancer`, `true` or an address; see [`LoadBalancers`].
//!
//! # Events
//! As of client-go: at most 25 of a kubelet about one pod, normal ones and warnings counted apart, and then one in five minutes.
//!
//! # Limits
//! - Probes are not run: their delays do not count, and a container passes them unless it is ordered not to.
//! - A container that runs stays as it is when its image or what it names changes.
//! - There is no preemption, no eviction for want of the node's resources, and no spreading of pods; preferences do not count. An affinity of the pods that are on
//!   a node already keeps no other pod away.
//! - Statuses lack `resources`, `allocatedResources`, `volumeMounts` and `user` of a container.
//! - Secrets are read to see which keys they have. Their values are dropped at once.

mod action;
mod addresses;
mod balancer;
mod budget;
mod client;
mod engine;
mod error;
mod event;
mod execute;
mod kubelet;
mod node;
mod object;
mod options;
mod provisioner;
mod queue;
mod registration;
mod resource;
mod scheduler;
mod watcher;
mod world;

pub use error::NodeError;
pub use node::{Node, Settled};
pub use options::{LoadBalancers, NodeOptions, PROVISIONER};
