use holm_resources::{Container, PersistentVolumeClaim};

/// A claim has to be added to the stack before it is mounted.
fn build(container: Container) -> Container {
    container.mount("/data", PersistentVolumeClaim::new("data").read_write_once().request("1Gi"))
}

fn main() {}
