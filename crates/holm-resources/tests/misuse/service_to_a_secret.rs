use holm_core::{Ref, Stack};
use holm_resources::{Port, Service, kind};

/// Only what runs pods can stand behind a Service.
fn declare(stack: &Stack, secret: &Ref<kind::Secret>) {
    stack.add(Service::to(secret, &Port::tcp("http", 80)));
}

fn main() {}
