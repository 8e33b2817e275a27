//! A simulated node, provisioner and load balancer, as plain clients: on the embedded cluster and on a real control plane.
