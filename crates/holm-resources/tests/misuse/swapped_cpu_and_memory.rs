use holm_resources::{Container, Cpu, Memory};

/// CPU comes first.
fn build(container: Container) -> Container {
    container.request(Memory::mebibytes(128), Cpu::millis(100))
}

fn main() {}
