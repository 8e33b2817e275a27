#!/bin/sh
# Tells whether this machine can run a node, and changes nothing. Prints one line that says why not, and exits with 3.
# With the argument `machine` it looks only at what cannot be installed.
set -eu

impossible() {
	echo "not possible on this machine: $*"
	exit 3
}

[ "$(uname -s)" = Linux ] || impossible "a node needs Linux"
case $(uname -m) in x86_64 | aarch64) ;; *) impossible "there are images for amd64 and arm64 only" ;; esac
[ "$(id -u)" = 0 ] || impossible "a node needs root"
[ -r /dev/kmsg ] || impossible "the kubelet reads /dev/kmsg, which cannot be read"

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	for controller in cpu cpuset memory pids; do
		grep -qw $controller /sys/fs/cgroup/cgroup.controllers || impossible "no cgroup controller $controller"
		# Only the root of all cgroups may have processes and give controllers to its children. In a container the root that
		# is seen is not that one, and nothing moves the container's own processes out of it.
		[ ! -e /sys/fs/cgroup/cgroup.type ] || grep -qw $controller /sys/fs/cgroup/cgroup.subtree_control ||
			impossible "the cgroup controller $controller cannot be given to children of /sys/fs/cgroup"
	done
	folders=/sys/fs/cgroup
else
	for controller in cpu cpuacct cpuset memory pids; do
		[ -e /sys/fs/cgroup/$controller/cgroup.procs ] || impossible "no cgroup controller $controller"
	done
	folders="/sys/fs/cgroup/cpu /sys/fs/cgroup/memory"
fi
for folder in $folders; do
	mkdir "$folder/holm-check-$$" 2>/dev/null || impossible "no cgroup can be made in $folder"
	rmdir "$folder/holm-check-$$"
done

command -v unshare >/dev/null || impossible "unshare is missing (package util-linux)"
unshare --mount --net --pid --uts --ipc --fork true 2>/dev/null || impossible "no new namespaces can be made"
[ "${1:-}" != machine ] || exit 0

for tool in containerd:containerd runc:runc iptables:iptables ip:iproute2 mkfs.ext4:e2fsprogs losetup:mount nsenter:util-linux; do
	command -v "${tool%%:*}" >/dev/null || impossible "${tool%%:*} is missing (package ${tool##*:}); build.sh installs it"
done
[ -x /usr/lib/cni/bridge ] || impossible "/usr/lib/cni/bridge is missing (package containernetworking-plugins); build.sh installs it"

# In namespaces of their own: what is made here is gone with them.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
truncate --size=8M "$work/image"
mkfs.ext4 -q -F "$work/image"
mkdir "$work/mount"
unshare --mount mount -o loop "$work/image" "$work/mount" 2>/dev/null || impossible "no loop device can be mounted"
unshare --net sh -c 'ip link set lo up && ip link add bridge0 type bridge && ip link add veth0 type veth peer name veth1' 2>/dev/null ||
	impossible "no bridge and veth in a new network namespace"
unshare --net iptables --table nat --append OUTPUT --match comment --comment check --match addrtype --dst-type LOCAL --jump RETURN 2>/dev/null ||
	impossible "iptables does not work in a new network namespace"
