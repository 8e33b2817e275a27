//! The controllers of an embedded cluster: Deployments, ReplicaSets and the other workloads, claims, endpoints.
