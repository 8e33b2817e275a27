# A convenience: everything here is plain cargo or a script underneath.

# Lists the recipes.
default:
    @just --list

# Checks format and lints.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Runs the tests that need neither Go nor a network.
test:
    cargo test

# Runs the end-to-end tests on the embedded cluster.
e2e:
    RUST_TEST_THREADS=12 cargo test -p holm-e2e

# Builds the real control plane and runs the end-to-end tests on it.
e2e-real:
    tests/tools/controlplane/build.sh
    HOLM_E2E=real RUST_TEST_THREADS=4 cargo test -p holm-e2e

# Builds the real node, which needs root, and runs the tests whose containers run.
e2e-node:
    tests/tools/realnode/build.sh
    HOLM_E2E=node RUST_TEST_THREADS=8 cargo test -p holm-e2e --test scenarios -- node:: causes::

# Runs a database through everything on the real node, and writes the table of docs/postgresql.md.
postgresql:
    tests/tools/realnode/build.sh
    HOLM_E2E=node HOLM_REPORT=1 RUST_TEST_THREADS=1 cargo test -p holm-e2e --test scenarios -- node:: --skip node::causes

# Builds the documentation.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Runs everything that CI runs.
ci:
    bash .ci/run
