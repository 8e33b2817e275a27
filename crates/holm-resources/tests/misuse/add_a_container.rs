use holm_core::Stack;
use holm_resources::Container;

/// A container belongs into a workload.
fn declare(stack: &Stack) {
    stack.add(Container::new("shop", "example.org/shop:1"));
}

fn main() {}
