package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/component-base/version"
)

// nodeName is the name of the simulated node.
const nodeName = "holm-node"

// otherKubelet is the annotation of a node that kwok leaves alone.
const otherKubelet = "holm.dev/kubelet"

// child is one component's process. done is closed when it has ended, and err
// is how.
type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// startChild starts a component with its output in DIR/logs. The kernel kills
// it when this process ends, in whatever way.
func (in *instance) startChild(ended chan<- *child, name, executable string, args ...string) (*child, error) {
	log, err := os.Create(in.path("logs", name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(executable, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = in.dir, log, log
	// A process group of its own keeps a terminal's Ctrl-C from the children:
	// they are to stop in an order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
		ended <- c
	}()
	return c, nil
}

// stop asks the process to end and kills it when it has not by the deadline.
func (c *child) stop(deadline time.Duration) {
	c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(deadline):
		c.cmd.Process.Kill()
		<-c.done
	}
}

// run runs the control plane until a signal, until the parent is gone, or until
// a component ends by itself, which is an error.
func (in *instance) run(fresh bool, parent int) (err error) {
	lock, err := in.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if fresh {
		if err := in.wipe(); err != nil {
			return err
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	gone := watchParent(parent)

	os.Remove(in.path("ready"))
	if err := in.prepare(); err != nil {
		return err
	}
	if err := writeFile(in.path("pid"), strconv.Itoa(os.Getpid())+"\n"); err != nil {
		return err
	}
	defer os.Remove(in.path("pid"))
	defer os.Remove(in.path("ready"))

	etcd, err := in.startEtcd()
	if err != nil {
		return err
	}
	// kube-apiserver hangs for minutes when etcd goes first, so etcd is the
	// last to stop.
	defer within(5*time.Second, etcd.Close)

	logs, err := in.serveLogs()
	if err != nil {
		return err
	}
	defer logs.Close()

	self, err := os.Executable()
	if err != nil {
		return err
	}
	ended := make(chan *child, 8)
	var apiServer *child
	var clients []*child
	defer func() {
		// The clients of the API server go first, all at once: none of them has
		// anything to save, and its graceful end then waits for nobody.
		for _, c := range clients {
			c.cmd.Process.Signal(syscall.SIGTERM)
		}
		for _, c := range clients {
			c.stop(2 * time.Second)
		}
		if apiServer != nil {
			apiServer.stop(5 * time.Second)
		}
	}()
	if apiServer, err = in.startChild(ended, "kube-apiserver", self, in.apiServerArgs()...); err != nil {
		return err
	}
	for _, component := range []struct {
		name, executable string
		args             []string
	}{
		{"kube-controller-manager", self, in.controllerManagerArgs()},
		{"kube-scheduler", self, in.schedulerArgs()},
		{"kwok", filepath.Join(filepath.Dir(self), "kwok"), in.kwokArgs()},
	} {
		// They give up early when there is no API server yet, so it is waited for.
		if len(clients) == 0 {
			if err := in.waitFor(ended, signals, gone, in.apiServerReady); err != nil {
				return ignoreStopped(err)
			}
		}
		c, err := in.startChild(ended, component.name, component.executable, component.args...)
		if err != nil {
			return err
		}
		clients = append(clients, c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := in.deleteNamespaces(ctx); err != nil {
		return err
	}
	if err := in.waitFor(ended, signals, gone, in.clusterReady); err != nil {
		return ignoreStopped(err)
	}
	if err := writeFile(in.path("ready"), ""); err != nil {
		return err
	}
	fmt.Println("ready:", in.path("kubeconfig"))
	return ignoreStopped(in.waitFor(ended, signals, gone, func(context.Context) error { return errors.New("running") }))
}

var errStopped = errors.New("stopped")

func ignoreStopped(err error) error {
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// waitFor tries ready until it gives no error. It returns early, with
// errStopped, when this process has been told to stop, and with an error when a
// component has ended.
func (in *instance) waitFor(ended <-chan *child, signals <-chan os.Signal, gone <-chan struct{}, ready func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() {
		for ctx.Err() == nil {
			if ready(ctx) == nil {
				close(done)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	select {
	case <-done:
		return nil
	case <-signals:
		return errStopped
	case <-gone:
		return errStopped
	case c := <-ended:
		log := in.path("logs", c.name+".log")
		return fmt.Errorf("%s ended: %v; the end of %s:\n%s", c.name, c.err, log, tail(log))
	}
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

// startEtcd runs etcd in this process. It does not sync to disk, and its only
// member elects itself at once: a test's data outlives the process, and need
// not outlive the machine.
func (in *instance) startEtcd() (*embed.Etcd, error) {
	config := embed.NewConfig()
	client := url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", in.state.EtcdPort)}
	peer := url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", in.state.EtcdPeerPort)}
	config.Dir = in.path("etcd")
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.TickMs, config.ElectionMs = 20, 100
	config.LogLevel = "warn"
	config.LogOutputs = []string{in.path("logs", "etcd.log")}
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("start etcd on the data in %s (--fresh forgets them): %w", config.Dir, err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		return nil, fmt.Errorf("etcd: %w", err)
	case <-time.After(30 * time.Second):
		return nil, errors.New("etcd is not ready after 30 seconds")
	}
}

func (in *instance) apiServerArgs() []string {
	return []string{"kube-apiserver",
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", in.state.EtcdPort),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", in.state.APIServerPort),
		// The address that the Service `kubernetes` names. It cannot be a
		// loopback address, and nobody connects to it.
		"--advertise-address=192.0.2.1",
		"--tls-cert-file=" + in.path("pki", "serving.crt"),
		"--tls-private-key-file=" + in.path("pki", "serving.key"),
		"--token-auth-file=" + in.path("pki", "tokens.csv"),
		"--authorization-mode=Node,RBAC",
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + in.path("pki", "sa.pub"),
		"--service-account-signing-key-file=" + in.path("pki", "sa.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--allow-privileged=true",
		"--kubelet-preferred-address-types=InternalIP",
		// The log is whole when the response arrives, and never rotated: tests
		// count its lines.
		"--audit-policy-file=" + in.path("audit-policy.yaml"),
		"--audit-log-path=" + in.path("audit.log"),
		"--audit-log-mode=blocking-strict",
		"--audit-log-maxsize=100000",
		"--profiling=false",
	}
}

func (in *instance) controllerManagerArgs() []string {
	args := []string{"kube-controller-manager",
		"--kubeconfig=" + in.path("kubeconfigs", "controllermanager"),
		"--leader-elect=false",
		"--secure-port=0",
		"--service-account-private-key-file=" + in.path("pki", "sa.key"),
		"--root-ca-file=" + in.path("pki", "ca.crt"),
		// deleteNamespaces does its work.
		"--controllers=*,-namespace-controller",
		"--enable-hostpath-provisioner=true",
		"--pvclaimbinder-sync-period=2s",
		// A busy machine is late with the node's heartbeats, which is no failure.
		"--node-monitor-grace-period=10m",
		"--kube-api-qps=2000",
		"--kube-api-burst=4000",
		"--profiling=false",
	}
	for _, controller := range []string{"deployment", "replicaset", "statefulset", "daemonset", "job", "cron-job",
		"endpoint", "service-endpoint", "gc", "serviceaccount-token", "resource-quota"} {
		args = append(args, fmt.Sprintf("--concurrent-%s-syncs=20", controller))
	}
	return args
}

func (in *instance) schedulerArgs() []string {
	return []string{"kube-scheduler", "--config=" + in.path("scheduler.yaml"), "--secure-port=0"}
}

func (in *instance) kwokArgs() []string {
	return []string{
		"--kubeconfig=" + in.path("kubeconfigs", "kwok"),
		"--config=" + in.path("kwok", "config.yaml"),
		"--manage-all-nodes=true",
		// But not those whose kubelet somebody else plays, nor their pods.
		"--disregard-status-with-annotation-selector=" + otherKubelet,
		"--node-lease-duration-seconds=40",
		"--cidr=10.244.0.0/16",
		"--node-ip=127.0.0.1",
		// The node's port is serveLogs'. kwok's own server has no client, and
		// without an address it would take the node's port on every interface.
		fmt.Sprintf("--node-port=%d", in.state.KubeletPort),
		fmt.Sprintf("--server-address=127.0.0.1:%d", in.state.KwokPort),
	}
}

// writeConfigs writes the components' configuration files.
func (in *instance) writeConfigs() error {
	kwok, err := kwokConfig()
	return errors.Join(err,
		writeFile(in.path("kwok", "config.yaml"), kwok),
		writeFile(in.path("audit-policy.yaml"), `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`),
		// A pod that could not be scheduled is tried again soon after something
		// that may help it.
		writeFile(in.path("scheduler.yaml"), `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
clientConnection:
  kubeconfig: `+strconv.Quote(in.path("kubeconfigs", "scheduler"))+`
  qps: 2000
  burst: 4000
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 1
`))
}

// apiServerReady is nil when the API server says that it is ready.
func (in *instance) apiServerReady(ctx context.Context) error {
	client, err := in.client()
	if err != nil {
		return err
	}
	return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// clusterReady is nil when a pod could be created and would run: the node is
// Ready without taints, and the default service account exists. It creates the
// objects of a cluster that no component creates.
func (in *instance) clusterReady(ctx context.Context) error {
	client, err := in.client()
	if err != nil {
		return err
	}
	node, err := client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return errors.Join(createObjects(ctx, client), errors.New("created the node only now"))
	} else if err != nil {
		return err
	}
	ready := len(node.Spec.Taints) == 0
	for _, condition := range node.Status.Conditions {
		ready = ready && (condition.Type != corev1.NodeReady || condition.Status == corev1.ConditionTrue)
	}
	if !ready || len(node.Status.Conditions) == 0 {
		return errors.New("the node is not ready")
	}
	if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	_, err = client.CoreV1().ConfigMaps("default").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
	return err
}

// createObjects creates the storage classes and, when they exist, the node. Its
// classes use the provisioner that is built into kube-controller-manager.
func createObjects(ctx context.Context, client kubernetes.Interface) error {
	waitForConsumer, immediate := storagev1.VolumeBindingWaitForFirstConsumer, storagev1.VolumeBindingImmediate
	expand := true
	for _, class := range []*storagev1.StorageClass{
		{
			ObjectMeta: metav1.ObjectMeta{
				Name:        "standard",
				Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
			},
			VolumeBindingMode: &waitForConsumer,
		},
		{
			ObjectMeta:           metav1.ObjectMeta{Name: "immediate"},
			VolumeBindingMode:    &immediate,
			AllowVolumeExpansion: &expand,
		},
	} {
		class.Provisioner = "kubernetes.io/host-path"
		if _, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("64"),
		corev1.ResourceMemory:           resource.MustParse("256Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		corev1.ResourcePods:             resource.MustParse("10k"),
	}
	_, err := client.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: nodeName,
			Labels: map[string]string{
				corev1.LabelHostname:   nodeName,
				corev1.LabelOSStable:   "linux",
				corev1.LabelArchStable: "amd64",
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion:          version.Get().GitVersion,
				ContainerRuntimeVersion: "containerd://2.2.0",
				OSImage:                 "simulated",
			},
		},
	}, metav1.CreateOptions{})
	return err
}

// start runs this executable's verb `run` in the background and waits until the
// cluster is ready. It is no error when one is running already.
func (in *instance) start(fresh bool, parent int, timeout time.Duration) error {
	if fresh {
		if err := in.stop(); err != nil {
			return err
		}
	}
	log := in.path("controlplane.log")
	exited := make(chan error, 1)
	if !in.running() {
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
		cmd := exec.Command(self, "run", "--dir", in.dir, fmt.Sprintf("--fresh=%t", fresh), fmt.Sprintf("--with-parent=%d", parent))
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
			fmt.Println(in.path("kubeconfig"))
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

// stop tells the process that runs the instance to stop, and kills it when it
// has not by the deadline, which is past all of its own.
func (in *instance) stop() error {
	if !in.running() {
		return nil
	}
	pid, err := in.pid()
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
	return nil
}

// status prints what runs, or gives errNotRunning.
func (in *instance) status() error {
	if !in.running() {
		return errNotRunning
	}
	pid, err := in.pid()
	if err != nil {
		return err
	}
	if err := in.loadState(); err != nil {
		return err
	}
	phase := "starting"
	if _, err := os.Stat(in.path("ready")); err == nil {
		phase = "ready"
	}
	fmt.Printf("%s\npid %d\nserver %s\nkubeconfig %s\n", phase, pid, in.server(), in.path("kubeconfig"))
	return nil
}

// pid reads the process id that run writes soon after it has taken the lock.
func (in *instance) pid() (int, error) {
	var err error
	for range 100 {
		var data []byte
		var pid int
		if data, err = os.ReadFile(in.path("pid")); err == nil {
			if pid, err = strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
				return pid, nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return 0, err
}

// within runs f and stops waiting for it at the deadline.
func within(deadline time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(deadline):
	}
}

// tail is the end of a log, for an error message.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}
