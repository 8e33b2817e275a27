// Command realnode runs a real Kubernetes node for tests, beside the control
// plane of tests/tools/controlplane: the kubelet, containerd, kube-proxy and
// CoreDNS, in namespaces of their own.
//
// A node is one process, `run`, and everything else is in a process namespace,
// a mount namespace and a network namespace that end with it, even when it is
// killed: see run.go. README.md describes the verbs.
package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

const usage = `usage: realnode VERB [--dir DIR] [flags]

  check       say why this machine cannot run a node; exit code 3 when it cannot
  start       run one in the background, wait until ready, print the kubeconfig's path
                --fresh            stop what runs in DIR first
                --with-parent PID  stop when the process PID is gone
                --timeout D        how long to wait until ready (default 2m)
  run         the same in the foreground, until SIGINT or SIGTERM
                --with-parent
  stop        stop it and remove what it made; does nothing when there is nothing
  status      say whether it is running; exit code 3 when it is not
  kubeconfig  print the path of a kubeconfig
                --user NAME        admin (default), reader, nobody or expired
  exec        run a command in the node: exec --dir DIR COMMAND...
  clean       remove what killed nodes left: of DIR, or of all
`

var (
	errNotRunning = errors.New("not running")
	errImpossible = errors.New("not possible on this machine")
)

// init pins the main goroutine to the main thread. The kernel ends a child when
// the thread that started it ends, so children are started from this goroutine
// only, on the one thread that lives as long as the process.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	err := verb(os.Args[1], os.Args[2:])
	switch {
	case err == nil:
	case errors.Is(err, errNotRunning) && os.Args[1] == "status":
		fmt.Println("not running")
		os.Exit(3)
	case errors.Is(err, errImpossible):
		fmt.Fprintln(os.Stderr, "realnode:", err)
		os.Exit(3)
	default:
		fmt.Fprintln(os.Stderr, "realnode:", err)
		os.Exit(1)
	}
}

// verb parses the flags of one verb and carries it out.
func verb(name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	dir := flags.String("dir", "", "")
	var (
		fresh   bool
		parent  int
		timeout = 2 * time.Minute
		user    = "admin"
	)
	switch name {
	case "start":
		flags.BoolVar(&fresh, "fresh", false, "")
		flags.DurationVar(&timeout, "timeout", timeout, "")
		flags.IntVar(&parent, "with-parent", 0, "")
	case "run":
		flags.IntVar(&parent, "with-parent", 0, "")
	case "kubeconfig":
		flags.StringVar(&user, "user", user, "")
	case "check", "stop", "status", "exec", "clean", "init", "node":
	default:
		return fmt.Errorf("unknown verb %q\n%s", name, usage)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if name != "exec" && flags.NArg() > 0 {
		return fmt.Errorf("%s takes flags only\n%s", name, usage)
	}
	switch {
	case name == "check":
		return check()
	case name == "clean" && *dir == "":
		return cleanAll()
	case *dir == "":
		return fmt.Errorf("%s needs --dir DIR\n%s", name, usage)
	}
	in, err := newInstance(*dir)
	if err != nil {
		return err
	}
	switch name {
	case "start":
		return in.start(fresh, parent, timeout)
	case "run":
		return in.run(parent)
	case "init":
		return in.init()
	case "node":
		return in.node()
	case "stop":
		return in.stop()
	case "status":
		return in.status()
	case "exec":
		return in.exec(flags.Args())
	case "clean":
		return in.clean()
	default:
		return in.kubeconfig(user)
	}
}
