//! The stack of the outages: workloads, Jobs and what they read.

use holm::prelude::*;

/// The name of the program.
pub const PROGRAM: &str = "outages";

/// Declares `count` objects beside the namespace `namespace`, with a `value` that each of them has, without those that `without`
/// numbers.
///
/// # Errors
/// When a configuration value is missing or not a number.
pub fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace(&config.require::<String>("namespace")?);
    let count: usize = config.parse_or("count", 39)?;
    let value = config.get("value").unwrap_or("1");
    let without: Vec<usize> =
        config.get("without").unwrap_or_default().split(',').filter_map(|number| number.parse().ok()).collect();
    for number in (0..count).filter(|number| !without.contains(number)) {
        stack.add_yaml(&object(number, value));
    }
    Ok(())
}

/// The object with a number: a fourth of them Deployments, some Jobs, Services and Secrets, the rest ConfigMaps.
fn object(number: usize, value: &str) -> String {
    let name = format!("o-{number:03}");
    match number % 8 {
        0 | 4 => format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{replicas: 2, selector: {{matchLabels: {{app: \
             {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}, annotations: {{value: '{value}'}}}}, spec: {{containers: \
             [{{name: c, image: 'example.org/web:slow', readinessProbe: {{httpGet: {{port: 80}}}}}}]}}}}}}}}"
        ),
        1 => format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{template: {{metadata: {{annotations: {{value: \
             '{value}'}}}}, spec: {{restartPolicy: Never, containers: [{{name: c, image: 'example.org/job:1'}}]}}}}}}}}"
        ),
        2 => format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, annotations: {{value: '{value}'}}}}, spec: {{selector: {{app: \
             {name}}}, ports: [{{port: 80}}]}}}}"
        ),
        3 => format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: {name}}}, stringData: {{value: 'secret-{value}'}}}}"
        ),
        _ => format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {{value: '{value}'}}}}"),
    }
}
