#!/bin/sh
# Builds controlplane, kwok and kubectl from this folder's pinned modules into
# $HOLM_CONTROLPLANE_BIN, by default target/controlplane/bin of the repository,
# and prints that folder. Does nothing when they are up to date.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
bin=${HOLM_CONTROLPLANE_BIN:-$here/../../../target/controlplane/bin}
mkdir -p "$bin"
bin=$(cd "$bin" && pwd)

# Two builds into one folder take turns; the second finds nothing to do.
if command -v flock >/dev/null; then
	exec 9>"$bin/lock"
	flock 9
fi

# What the binaries follow from. The module file pins every version.
stamp=$({
	go env GOVERSION GOOS GOARCH CGO_ENABLED
	cat build.sh go.mod go.sum
	for file in *.go stages/*; do
		echo "$file"
		cat "$file"
	done
} | cksum)
if [ -x "$bin/controlplane" ] && [ -x "$bin/kwok" ] && [ -x "$bin/kubectl" ] &&
	[ "$(cat "$bin/stamp" 2>/dev/null)" = "$stamp" ]; then
	echo "$bin"
	exit 0
fi

# Clients refuse a server that says v0.0.0-master, which is what it says unless
# the linker is told.
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
number=${version#v}
minor=${number#*.}
set_version="-X k8s.io/component-base/version.gitVersion=$version"
set_version="$set_version -X k8s.io/component-base/version.gitMajor=${number%%.*}"
set_version="$set_version -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
set_version="$set_version -X k8s.io/component-base/version.gitTreeState=clean"

# Two compilers at a time stay below 4 GiB, whatever the number of cores.
rm -f "$bin/stamp"
go build -p 2 -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w $set_version" -o "$bin/" \
	. k8s.io/kubernetes/cmd/kubectl sigs.k8s.io/kwok/cmd/kwok >&2
echo "$stamp" >"$bin/stamp"
echo "$bin"
