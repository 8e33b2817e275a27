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

# Builds the documentation.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Runs everything that CI runs.
ci:
    bash .ci/run
