// Command controlplane runs a real Kubernetes control plane on loopback for
// tests: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and one
// simulated node, with everything that it writes in one directory.
//
// One binary holds all of Kubernetes: the components are children that run this
// same executable, because each of them owns global state (flags, feature
// gates, metrics, signal handlers) and because the order in which they stop
// matters. README.md describes the verbs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
	_ "time/tzdata" // CronJobs name time zones, and a test machine may have no zone files.

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// components are the parts of Kubernetes that this executable can become when
// its first argument is their name.
var components = map[string]func() *cobra.Command{
	"kube-apiserver":          func() *cobra.Command { return apiserver.NewAPIServerCommand() },
	"kube-controller-manager": func() *cobra.Command { return controllermanager.NewControllerManagerCommand() },
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
}

const usage = `usage: controlplane VERB --dir DIR [flags]

  start       run in the background, wait until ready, print the kubeconfig's path
                --fresh            stop what runs in DIR and forget its data first
                --with-parent PID  stop when the process PID is gone
                --timeout D        how long to wait until ready (default 2m)
  run         the same in the foreground, until SIGINT or SIGTERM
                --fresh, --with-parent PID
  stop        stop it; does nothing when it is not running
  status      say whether it is running; exit code 3 when it is not
  kubeconfig  print the path of a kubeconfig
                --user NAME        admin (default), reader, nobody or expired
`

// init pins the main goroutine to the main thread. The kernel ends a child when
// the thread that started it ends (see startChild), so children are started
// from this goroutine only, on the one thread that lives as long as the process.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if newCommand, ok := components[os.Args[1]]; ok {
		os.Args = os.Args[1:]
		os.Exit(cli.Run(newCommand()))
	}
	if err := verb(os.Args[1], os.Args[2:]); err != nil {
		if errors.Is(err, errNotRunning) && os.Args[1] == "status" {
			fmt.Println("not running")
			os.Exit(3)
		}
		fmt.Fprintln(os.Stderr, "controlplane:", err)
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
		flags.DurationVar(&timeout, "timeout", timeout, "")
		fallthrough
	case "run":
		flags.BoolVar(&fresh, "fresh", false, "")
		flags.IntVar(&parent, "with-parent", 0, "")
	case "kubeconfig":
		flags.StringVar(&user, "user", user, "")
	case "stop", "status":
	default:
		return fmt.Errorf("unknown verb %q\n%s", name, usage)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" || flags.NArg() > 0 {
		return fmt.Errorf("%s takes --dir DIR and flags only\n%s", name, usage)
	}
	in, err := newInstance(*dir)
	if err != nil {
		return err
	}
	switch name {
	case "start":
		return in.start(fresh, parent, timeout)
	case "run":
		return in.run(fresh, parent)
	case "stop":
		return in.stop()
	case "status":
		return in.status()
	default:
		path, err := in.userKubeconfig(user)
		if err == nil {
			fmt.Println(path)
		}
		return err
	}
}
