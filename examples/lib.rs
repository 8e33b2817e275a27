//! The stacks of HolmOS are the examples of this package; it has no library of its own.
