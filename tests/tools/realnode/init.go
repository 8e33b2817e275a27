package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// home is where DIR/node is mounted inside: a short path of its own for all
// that the node writes, as the path of a socket has 107 characters at most.
const home = "/run/node"

// settings are what a kubelet sets for the whole machine. Inside, the files say
// that they are set already.
var settings = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// init is the first process inside: it makes the mounts and the network, starts
// the verb `node`, and reaps what loses its parent until that ends. When it
// ends itself, the kernel kills everything else inside.
func (in *instance) init() error {
	groups, err := findCgroups("/sys/fs/cgroup")
	if err != nil {
		return err
	}
	if err := groups.join(in.id); err != nil {
		return err
	}
	if err := in.mount(); err != nil {
		return err
	}
	if err := network(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Not os/exec: its Wait and the loop below would take each other's children.
	node, err := os.StartProcess(self, []string{self, "node", "--dir", in.dir}, &os.ProcAttr{
		Dir:   "/",
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, os.NewFile(3, "listener")},
	})
	if err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return err
		case pid == node.Pid:
			return fmt.Errorf("the components' process ended with %d", status.ExitStatus())
		}
	}
}

// mount gives the node a file system that differs from the machine's where it
// writes. Nothing of it is seen outside.
func (in *instance) mount() error {
	for _, sub := range []string{"containerd", "kubelet", "volumes", "pods", "cni"} {
		if err := os.MkdirAll(in.path("node", sub), 0o755); err != nil {
			return err
		}
	}
	// The folder of the CNI plugins' cache cannot be chosen.
	if err := os.MkdirAll("/var/lib/cni", 0o755); err != nil {
		return err
	}
	// Held open: the mounts below may hide it.
	folder, err := os.Open(in.path("node"))
	if err != nil {
		return err
	}
	defer folder.Close()
	type mount struct {
		source, target, kind string
		flags                uintptr
	}
	own := fmt.Sprintf("/proc/self/fd/%d", folder.Fd())
	mounts := []mount{
		// Out of the machine's sight, and then as on every node: what a pod shares, its peers see.
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"", "/", "", syscall.MS_REC | syscall.MS_SHARED},
		{"tmpfs", "/run", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV},
		{"tmpfs", "/var/log", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV},
		{"tmpfs", "/var/lib/cni", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV},
		{own, home, "", syscall.MS_BIND},
		// Its peers are its own: a mount below it is not to be one below DIR as well.
		{"", home, "", syscall.MS_PRIVATE},
		{"", home, "", syscall.MS_SHARED},
		{"proc", "/proc", "proc", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC},
		{home + "/pods", "/var/log/pods", "", syscall.MS_BIND},
	}
	for name, value := range settings {
		file := filepath.Join(home, "settings", strings.ReplaceAll(name, "/", "."))
		target := filepath.Join("/proc/sys", name)
		if !fileExists(target) {
			continue
		}
		inside := filepath.Join(in.path("node"), "settings", filepath.Base(file))
		if err := errors.Join(os.MkdirAll(filepath.Dir(inside), 0o755), os.WriteFile(inside, []byte(value+"\n"), 0o644)); err != nil {
			return err
		}
		mounts = append(mounts, mount{file, target, "", syscall.MS_BIND})
	}
	for _, m := range mounts {
		if m.target == home || m.target == "/var/log/pods" {
			if err := os.MkdirAll(m.target, 0o755); err != nil {
				return err
			}
		}
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return os.MkdirAll("/run/lock", 0o755)
}

// Addresses of the node's network.
const (
	nodeAddress    = "10.88.0.1"
	podNetwork     = "10.88.0.0/16"
	serviceNetwork = "10.96.0.0/16"
	dnsAddress     = "10.96.0.10"
	// Where the Service `kubernetes` leads to: the control plane's --advertise-address.
	apiAddress = "192.0.2.1"
)

// network makes the node's interfaces. There is no way out of them.
func network() error {
	for _, line := range []string{
		"link set lo up",
		"addr add " + apiAddress + "/32 dev lo",
		"link add cni0 type bridge",
		"addr add " + nodeAddress + "/16 dev cni0",
		"link set cni0 up",
		// So that Services work from the node itself.
		"route add " + serviceNetwork + " dev cni0",
	} {
		if output, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, output)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte(strconv.Itoa(1)), 0o644)
}
