//! Jobs and CronJobs.

use std::time::Duration;

use holm_core::{Declaration, FieldPath, IntoResource, ProblemKind};
use k8s_openapi::api::batch::v1 as batch;

use crate::builder::{Builder, Common, Lowering, keep_options, seconds};
use crate::kind;
use crate::pod::{PodOptions, PodTemplate};

/// The options of Jobs, and of the Jobs that a CronJob makes.
pub trait JobOptions: Sized {
    #[doc(hidden)]
    fn job(&mut self) -> &mut JobTemplate;

    /// How many failed pods, or restarts, make the Job fail. Default: 6.
    #[must_use]
    fn backoff_limit(mut self, limit: i32) -> Self {
        self.job().spec.backoff_limit = Some(limit);
        self
    }

    /// How long the Job may take before it is stopped as failed.
    #[must_use]
    fn active_deadline(mut self, duration: Duration) -> Self {
        let job = self.job();
        job.spec.active_deadline_seconds = job.seconds("activeDeadlineSeconds", duration);
        self
    }

    /// How long after its end the Job and its pods are deleted by the cluster.
    ///
    /// # Caveats
    /// A stack whose Job was deleted so will want to make it again.
    #[must_use]
    fn ttl_after_finished(mut self, duration: Duration) -> Self {
        let job = self.job();
        job.spec.ttl_seconds_after_finished = job.seconds("ttlSecondsAfterFinished", duration);
        self
    }

    /// How many pods must succeed. Default: 1.
    #[must_use]
    fn completions(mut self, completions: i32) -> Self {
        self.job().spec.completions = Some(completions);
        self
    }

    /// How many pods run at the same time. Default: 1.
    #[must_use]
    fn parallelism(mut self, parallelism: i32) -> Self {
        self.job().spec.parallelism = Some(parallelism);
        self
    }

    /// Restarts a failed container in its pod, rather than making a new pod. The logs of the failure are then those of the
    /// container's previous run.
    #[must_use]
    fn restart_on_failure(mut self) -> Self {
        self.job().pod.spec().restart_policy = Some("OnFailure".to_owned());
        self
    }
}

/// What a Job is made of.
pub struct JobTemplate {
    spec: batch::JobSpec,
    pod: PodTemplate,
    problems: Vec<(&'static str, ProblemKind)>,
}

impl JobTemplate {
    fn new(name: &str) -> Self {
        let mut pod = PodTemplate::new(name);
        // A Job's pods cannot have the default, Always.
        pod.spec().restart_policy = Some("Never".to_owned());
        Self { spec: batch::JobSpec::default(), pod, problems: Vec::new() }
    }

    fn seconds<T: TryFrom<u64>>(&mut self, field: &'static str, duration: Duration) -> Option<T> {
        seconds(duration).map_err(|kind| self.problems.push((field, *kind))).ok()
    }

    /// The spec, which stands at `at` in its object. The selector is left to the server, which makes it unique.
    fn lower(self, at: &FieldPath, lowering: &mut Lowering) -> batch::JobSpec {
        for (field, kind) in self.problems {
            lowering.problem(at.field(field), kind);
        }
        let template = self.pod.lower_without_claims(&at.field("template"), lowering);
        batch::JobSpec { template, ..self.spec }
    }
}

/// Pods that run to their end once. A failed container is not restarted; a new pod is made.
///
/// The template of a Job cannot change: a change of it replaces the Job.
#[must_use = "a Job does nothing until it is added to a stack"]
pub struct Job {
    common: Common<batch::Job>,
    job: JobTemplate,
}

impl Job {
    /// A Job without containers.
    pub fn new(name: &str) -> Self {
        let builder = Self { common: Common::new(name), job: JobTemplate::new(name) };
        builder.label("app", name)
    }
}

impl Builder for Job {
    type Object = batch::Job;

    fn common(&mut self) -> &mut Common<batch::Job> {
        &mut self.common
    }
}

impl JobOptions for Job {
    fn job(&mut self) -> &mut JobTemplate {
        &mut self.job
    }
}

impl PodOptions for Job {
    fn pod(&mut self) -> &mut PodTemplate {
        &mut self.job.pod
    }
}

impl IntoResource for Job {
    type Kind = kind::Job;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let mut lowering = Lowering::default();
        let spec = self.job.lower(&FieldPath::of(["spec"]), &mut lowering);
        self.common.finish(batch::Job { spec: Some(spec), ..batch::Job::default() }, lowering)
    }
}

/// Jobs by the clock.
#[must_use = "a CronJob does nothing until it is added to a stack"]
pub struct CronJob {
    common: Common<batch::CronJob>,
    spec: batch::CronJobSpec,
    job: JobTemplate,
}

impl CronJob {
    /// Jobs at the times of `schedule`, in cron's five fields: `0 3 * * *` is every night at three.
    pub fn new(name: &str, schedule: &str) -> Self {
        let spec = batch::CronJobSpec { schedule: schedule.to_owned(), ..batch::CronJobSpec::default() };
        let builder = Self { common: Common::new(name), spec, job: JobTemplate::new(name) };
        builder.label("app", name)
    }

    /// The time zone of the schedule, such as `Europe/Athens`. Default: that of the cluster's controller manager.
    pub fn time_zone(mut self, name: &str) -> Self {
        self.spec.time_zone = Some(name.to_owned());
        self
    }

    /// Leaves a run out while the one before it is still under way.
    pub fn forbid_overlap(mut self) -> Self {
        self.spec.concurrency_policy = Some("Forbid".to_owned());
        self
    }

    /// How late a run may still start.
    pub fn starting_deadline(mut self, duration: Duration) -> Self {
        let path = FieldPath::of(["spec", "startingDeadlineSeconds"]);
        self.spec.starting_deadline_seconds = self.common.seconds(path, duration);
        self
    }

    /// How many finished Jobs are kept, successful and failed ones. Default: 3 and 1.
    pub fn history(mut self, successful: i32, failed: i32) -> Self {
        self.spec.successful_jobs_history_limit = Some(successful);
        self.spec.failed_jobs_history_limit = Some(failed);
        self
    }

    /// Whether no new runs start.
    pub fn suspend(mut self, suspend: bool) -> Self {
        self.spec.suspend = Some(suspend);
        self
    }
}

impl Builder for CronJob {
    type Object = batch::CronJob;

    fn common(&mut self) -> &mut Common<batch::CronJob> {
        &mut self.common
    }
}

impl JobOptions for CronJob {
    fn job(&mut self) -> &mut JobTemplate {
        &mut self.job
    }
}

impl PodOptions for CronJob {
    fn pod(&mut self) -> &mut PodTemplate {
        &mut self.job.pod
    }
}

impl IntoResource for CronJob {
    type Kind = kind::CronJob;
    keep_options!();

    // Kubernetes 1.37 made the spec a required field; older versions of the type have it optional.
    #[allow(clippy::useless_conversion)]
    fn into_declaration(self) -> Declaration {
        let mut lowering = Lowering::default();
        let job = self.job.lower(&FieldPath::of(["spec", "jobTemplate", "spec"]), &mut lowering);
        let job_template = batch::JobTemplateSpec { spec: Some(job), ..batch::JobTemplateSpec::default() };
        let spec = batch::CronJobSpec { job_template, ..self.spec };
        self.common.finish(batch::CronJob { spec: spec.into(), ..batch::CronJob::default() }, lowering)
    }
}
