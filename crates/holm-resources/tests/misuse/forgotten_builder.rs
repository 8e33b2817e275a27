#![deny(unused_must_use)]

use holm_resources::{Container, Port};

/// A builder returns what it builds: without the binding, the port is lost.
fn build(container: Container) {
    container.port(&Port::tcp("http", 80));
}

fn main() {}
