#!/bin/sh
# Builds helm from this folder's pinned module into $HOLM_HELM_BIN, by default target/helm/bin of the repository, and prints
# that folder. Does nothing when it is up to date. The module is one of its own, so that the control plane builds without it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
bin=${HOLM_HELM_BIN:-$here/../../../target/helm/bin}
mkdir -p "$bin"
bin=$(cd "$bin" && pwd)

# Two builds into one folder take turns; the second finds nothing to do.
if command -v flock >/dev/null; then
	exec 9>"$bin/lock"
	flock 9
fi

stamp=$({
	go env GOVERSION GOOS GOARCH CGO_ENABLED
	cat build.sh go.mod go.sum
} | cksum)
if [ -x "$bin/helm" ] && [ "$(cat "$bin/stamp" 2>/dev/null)" = "$stamp" ]; then
	echo "$bin"
	exit 0
fi

# Two compilers at a time stay below 4 GiB, whatever the number of cores.
rm -f "$bin/stamp"
go build -p 2 -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w" -o "$bin/" helm.sh/helm/v4/cmd/helm >&2
echo "$stamp" >"$bin/stamp"
echo "$bin"
