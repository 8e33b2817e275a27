#!/bin/sh
# Builds what a node needs into $HOLM_REALNODE_BIN, by default target/realnode of the repository, and prints that folder: the
# kubelet, kube-proxy, CoreDNS, realnode itself, the images, and the control plane where it is absent. Does nothing when
# all is up to date. Exits with 3, and one line that says why, where the machine cannot run a node. With --if-built it builds
# nothing: it exits with 1, and one line that says so, where that is not up to date.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

check() {
	reason=$(./check.sh "$@") || {
		code=$?
		echo "realnode: $reason" >&2
		exit $code
	}
}
impossible() {
	echo "realnode: not possible on this machine: $*" >&2
	exit 3
}
check machine
command -v go >/dev/null || impossible "Go is missing"

bin=${HOLM_REALNODE_BUILD:-$here/../../../target/realnode}
# What is built follows from these. The module files pin every version.
stamp=$({
	go env GOVERSION GOOS GOARCH
	for file in *.go *.sh go.* images/* pause/* coredns/*; do
		echo "$file"
		cat "$file"
	done
} | cksum)
if [ "${1:-}" = --if-built ]; then
	if [ "$(cat "$bin/stamp" 2>/dev/null)" != "$stamp" ]; then
		echo "realnode: not built, or not of these sources; tests/tools/realnode/build.sh builds it" >&2
		exit 1
	fi
	check
	cd "$bin" && pwd
	exit 0
fi
command -v apt-get >/dev/null || impossible "the images are made of Debian's or Ubuntu's packages, and there is no apt-get"

mkdir -p "$bin"
bin=$(cd "$bin" && pwd)

# Two builds into one folder take turns; the second finds nothing to do.
exec 9>"$bin/lock"
flock 9

missing=
for package in runc containerd containernetworking-plugins busybox-static iptables iproute2 e2fsprogs util-linux; do
	[ "$(dpkg-query --show --showformat='${db:Status-Status}' $package 2>/dev/null)" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
	echo "realnode: apt-get install$missing" >&2
	install="env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends$missing"
	{ $install || { apt-get update --quiet && $install; }; } >"$bin/apt.log" 2>&1 ||
		impossible "apt-get cannot install$missing (see $bin/apt.log)"
fi
check

controlplane=$(../controlplane/build.sh)
ln -sfn "$controlplane" "$bin/controlplane"

if [ "$(cat "$bin/stamp" 2>/dev/null)" = "$stamp" ]; then
	echo "$bin"
	exit 0
fi
rm -f "$bin/stamp"

# As for the control plane: the linker tells the version, and both builds share Go's cache.
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
number=${version#v}
minor=${number#*.}
set_version="-X k8s.io/component-base/version.gitVersion=$version"
set_version="$set_version -X k8s.io/component-base/version.gitMajor=${number%%.*}"
set_version="$set_version -X k8s.io/component-base/version.gitMinor=${minor%%.*}"

build="go build -p 2 -mod=readonly -trimpath -buildvcs=false"
$build -ldflags "-s -w $set_version" -o "$bin/" . k8s.io/kubernetes/cmd/kubelet k8s.io/kubernetes/cmd/kube-proxy >&2
CGO_ENABLED=0 $build -ldflags "-s -w" -o "$bin/pause" ./pause >&2
(cd coredns && CGO_ENABLED=0 $build -ldflags "-s -w" -o "$bin/coredns" .) >&2
images/build.sh "$bin" >&2 || impossible "the images cannot be made (see $bin/images/apt.log)"
echo "$stamp" >"$bin/stamp"
echo "$bin"
