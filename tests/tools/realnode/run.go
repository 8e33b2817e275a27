package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// run runs the node until a signal, until the parent is gone, or until one of
// its components ends, which is an error.
//
// Three processes hold it together. This one stays outside: it keeps the lock,
// and the port at which the API is reached. `init` is the first process of a
// new process namespace, and `node` in there runs the components. The kernel
// kills init when this process ends in whatever way, and with init everything
// in the namespaces: containers and their shims too. The last process takes the
// mounts and the network along, and a mount its loop device. What can be left
// by a killed node is empty cgroups and files, which the next start or `clean`
// removes.
func (in *instance) run(parent int) (err error) {
	lock, err := in.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := in.removeLeftovers(); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	gone := watchParent(parent)

	if err := errors.Join(os.MkdirAll(registry, 0o755), writeFile(filepath.Join(registry, in.id), in.dir+"\n")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.removeLeftovers()) }()
	if err := writeFile(in.path("pid"), strconv.Itoa(os.Getpid())+"\n"); err != nil {
		return err
	}
	groups, err := findCgroups("/sys/fs/cgroup")
	if err != nil {
		return err
	}
	if err := groups.make(in.id); err != nil {
		return err
	}
	listener, err := in.reservePort()
	if err != nil {
		return err
	}
	defer listener.Close()

	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "init", "--dir", in.dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{listener}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:   true,
		Pdeathsig: syscall.SIGKILL,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET |
			syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := writeFile(in.path("node.pid"), strconv.Itoa(cmd.Process.Pid)+"\n"); err != nil {
		cmd.Process.Kill()
		return errors.Join(err, <-ended)
	}
	select {
	case err := <-ended:
		return fmt.Errorf("the node ended: %v", err)
	case <-signals:
	case <-gone:
	}
	// Nothing in it has anything to save.
	cmd.Process.Kill()
	<-ended
	return nil
}

// reservePort opens the port at which the API is reached from outside, and
// tells the control plane to take the same one inside, where all are free: so
// its kubeconfigs are right on both sides.
func (in *instance) reservePort() (*os.File, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	state, err := json.Marshal(map[string]int{"apiServerPort": listener.Addr().(*net.TCPAddr).Port})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(in.path("cp"), 0o755); err != nil {
		return nil, err
	}
	if err := writeFile(in.path("cp", "instance.json"), string(state)); err != nil {
		return nil, err
	}
	return listener.(*net.TCPListener).File()
}

// watchParent closes its channel when the process is gone. A parent that has
// ended and that nobody has waited for still answers signals, so a change of
// this process's own parent counts too.
func watchParent(parent int) <-chan struct{} {
	gone := make(chan struct{})
	if parent == 0 {
		return gone
	}
	direct := os.Getppid() == parent
	go func() {
		for syscall.Kill(parent, 0) != syscall.ESRCH && (!direct || os.Getppid() == parent) {
			time.Sleep(200 * time.Millisecond)
		}
		close(gone)
	}()
	return gone
}

// clean removes what a killed node left, and does nothing to one that runs.
func (in *instance) clean() error {
	if in.running() {
		return fmt.Errorf("a node is running in %s", in.dir)
	}
	return in.removeLeftovers()
}

// cleanAll removes what killed nodes of any directory left.
func cleanAll() error {
	entries, err := os.ReadDir(registry)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		dir, err := os.ReadFile(filepath.Join(registry, entry.Name()))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		in, err := newInstance(strings.TrimSpace(string(dir)))
		if err != nil {
			errs = append(errs, err)
		} else if !in.running() {
			errs = append(errs, in.removeLeftovers())
		}
	}
	return errors.Join(errs...)
}

// removeLeftovers removes everything but the logs. It names what it removes, so
// that a wrong --dir costs nothing else.
func (in *instance) removeLeftovers() error {
	groups, err := findCgroups("/sys/fs/cgroup")
	if err != nil {
		return err
	}
	errs := []error{groups.remove(in.id)}
	for _, name := range []string{"node", "ready", "pid", "node.pid"} {
		errs = append(errs, os.RemoveAll(in.path(name)))
	}
	// The control plane's logs and the audit log stay.
	for _, name := range []string{"etcd", "pki", "kwok", "kubeconfigs", "kubeconfig", "instance.json", "ready", "pid"} {
		errs = append(errs, os.RemoveAll(in.path("cp", name)))
	}
	if err := os.Remove(filepath.Join(registry, in.id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	os.Remove(registry) // Where it is the last one.
	return errors.Join(errs...)
}
