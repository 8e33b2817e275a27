//! An embedded Kubernetes cluster: the API server, the controllers and the simulated node in one process.
