package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// registry is where the folders of nodes are listed by id, so that `clean`
// finds what is left of one whose folder is not known any more.
const registry = "/run/holm-realnode"

// prefix begins the ids of nodes, which are the names of their cgroups.
const prefix = "holm-realnode-"

// instance is one node, known by its directory.
type instance struct {
	dir string
	id  string
}

func newInstance(dir string) (*instance, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	// These are hidden inside the node.
	for _, hidden := range []string{"/run/", "/var/run/", "/var/log/", "/var/lib/cni/", "/proc/", "/sys/"} {
		if strings.HasPrefix(abs+"/", hidden) {
			return nil, fmt.Errorf("%s cannot be a node's directory: %s is hidden inside of the node", abs, hidden)
		}
	}
	sum := sha256.Sum256([]byte(abs))
	return &instance{dir: abs, id: prefix + hex.EncodeToString(sum[:4])}, nil
}

func (in *instance) path(elem ...string) string {
	return filepath.Join(append([]string{in.dir}, elem...)...)
}

// lock takes the directory for this process. The kernel gives it back when the
// process ends in whatever way, so holding it is what running means.
func (in *instance) lock() (*os.File, error) {
	if err := os.MkdirAll(in.dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(in.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("a node is already running in %s", in.dir)
	}
	return file, nil
}

// running tells whether a process holds the directory.
func (in *instance) running() bool {
	if _, err := os.Stat(in.path("lock")); err != nil {
		return false
	}
	file, err := in.lock()
	if err != nil {
		return true
	}
	file.Close()
	return false
}

// start runs this executable's verb `run` in the background and waits until the
// node is ready. It is no error when one is running already.
func (in *instance) start(fresh bool, parent int, timeout time.Duration) error {
	if fresh {
		if err := in.stop(); err != nil {
			return err
		}
	}
	log := in.path("realnode.log")
	exited := make(chan error, 1)
	if !in.running() {
		if err := check(); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(in.dir, 0o755); err != nil {
			return err
		}
		os.Remove(in.path("ready"))
		output, err := os.Create(log)
		if err != nil {
			return err
		}
		defer output.Close()
		cmd := exec.Command(self, "run", "--dir", in.dir, fmt.Sprintf("--with-parent=%d", parent))
		cmd.Stdout, cmd.Stderr = output, output
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return err
		}
		go func() { exited <- cmd.Wait() }()
	}
	deadline := time.After(timeout)
	for {
		if _, err := os.Stat(in.path("ready")); err == nil {
			fmt.Println(in.path("cp", "kubeconfig"))
			return nil
		}
		select {
		case err := <-exited:
			return fmt.Errorf("it ended before it was ready: %v\n%s", err, tail(log))
		case <-deadline:
			return errors.Join(fmt.Errorf("not ready after %s; its logs are in %s", timeout, in.path("logs")), in.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop tells the process that runs the node to stop, kills it when it has not
// by the deadline, and removes what is left then.
func (in *instance) stop() error {
	if _, err := os.Stat(in.dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if in.running() {
		pid, err := in.pid("pid")
		if err != nil {
			return err
		}
		syscall.Kill(pid, syscall.SIGTERM)
		for deadline := time.Now().Add(20 * time.Second); in.running(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline.Add(5 * time.Second)) {
				return fmt.Errorf("process %d does not end", pid)
			}
			if time.Now().After(deadline) {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	return in.clean()
}

// status prints what runs, or gives errNotRunning.
func (in *instance) status() error {
	if !in.running() {
		return errNotRunning
	}
	pid, err := in.pid("pid")
	if err != nil {
		return err
	}
	phase := "starting"
	if _, err := os.Stat(in.path("ready")); err == nil {
		phase = "ready"
	}
	fmt.Printf("%s\npid %d\nkubeconfig %s\n", phase, pid, in.path("cp", "kubeconfig"))
	return nil
}

// kubeconfig prints the path of the kubeconfig of one of the control plane's
// users.
func (in *instance) kubeconfig(user string) error {
	controlplane, err := controlplaneBinary("controlplane")
	if err != nil {
		return err
	}
	cmd := exec.Command(controlplane, "kubeconfig", "--dir", in.path("cp"), "--user", user)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// exec becomes a command inside of the node, where the addresses of pods and
// Services work, and its mounts are seen.
func (in *instance) exec(command []string) error {
	if len(command) == 0 {
		return errors.New("exec needs a command")
	}
	if !in.running() {
		return errNotRunning
	}
	pid, err := in.pid("node.pid")
	if err != nil {
		return err
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return err
	}
	args := append([]string{"nsenter", "--target", strconv.Itoa(pid), "--mount", "--net", "--pid", "--uts", "--ipc", "--"}, command...)
	return syscall.Exec(nsenter, args, os.Environ())
}

// pid reads a process id that run writes soon after it has taken the lock.
func (in *instance) pid(file string) (int, error) {
	var err error
	for range 100 {
		var data []byte
		var pid int
		if data, err = os.ReadFile(in.path(file)); err == nil {
			if pid, err = strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
				return pid, nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return 0, err
}

// controlplaneBinary is the path of a program of the control plane: in
// $HOLM_CONTROLPLANE_BIN, or where the build has found it.
func controlplaneBinary(name string) (string, error) {
	folder := os.Getenv("HOLM_CONTROLPLANE_BIN")
	if folder == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(filepath.Dir(self), "controlplane")
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the control plane is not built: %w", err)
	}
	return path, nil
}

// writeFile writes a file that only its owner can read, all of it or nothing.
func writeFile(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// tail is the end of a log, for an error message.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}
