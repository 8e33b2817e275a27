package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// component is one process of the node.
type component struct {
	name string
	err  error
}

// node runs the components until one of them ends, which is an error.
func (in *instance) node() error {
	ended := make(chan component, 8)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(in.path("logs"), 0o755); err != nil {
		return err
	}
	controlplane, err := controlplaneBinary("controlplane")
	if err != nil {
		return err
	}
	bin := func(name string) string { return filepath.Join(filepath.Dir(self), name) }

	images, err := newImages(bin("images"))
	if err != nil {
		return err
	}
	go http.ListenAndServe(registryAddress, images)

	// The control plane's port was reserved before.
	var state struct{ APIServerPort int }
	data, err := os.ReadFile(in.path("cp", "instance.json"))
	if err == nil {
		err = json.Unmarshal(data, &state)
	}
	if err != nil {
		return err
	}
	api := fmt.Sprintf("127.0.0.1:%d", state.APIServerPort)
	outside, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	inside, err := net.Listen("tcp", fmt.Sprintf("%s:%d", apiAddress, state.APIServerPort))
	if err != nil {
		return err
	}
	go relay(outside, api)
	go relay(inside, api)

	if err := in.startComponent(ended, "controlplane", controlplane, "run", "--dir", in.path("cp")); err != nil {
		return err
	}
	if err := in.writeRuntimeConfig(); err != nil {
		return err
	}
	if err := in.startComponent(ended, "containerd", "containerd", "--config", home+"/containerd.toml"); err != nil {
		return err
	}
	ctx := context.Background()
	var client kubernetes.Interface
	if err := waitFor(ended, "the control plane", func() error {
		if !fileExists(in.path("cp", "ready")) {
			return errors.New("not ready")
		}
		config, err := clientcmd.BuildConfigFromFlags("", in.path("cp", "kubeconfig"))
		if err != nil {
			return err
		}
		config.QPS = -1
		client, err = kubernetes.NewForConfig(config)
		return err
	}); err != nil {
		return err
	}
	if err := createObjects(ctx, client); err != nil {
		return err
	}
	if err := in.writeNodeConfigs(ctx, client); err != nil {
		return err
	}
	if err := waitFor(ended, "containerd", func() error {
		connection, err := net.Dial("unix", containerdSocket)
		if err == nil {
			connection.Close()
		}
		return err
	}); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"kubelet", []string{"--config", home + "/kubelet.yaml", "--kubeconfig", home + "/kubeconfig", "--hostname-override", nodeName,
			"--node-ip", nodeAddress, "--root-dir", home + "/kubelet", "--cert-dir", home + "/pki"}},
		{"kube-proxy", []string{"--config", home + "/proxy.yaml"}},
		{"coredns", []string{"-conf", home + "/Corefile"}},
	} {
		if err := in.startComponent(ended, c.name, bin(c.name), c.args...); err != nil {
			return err
		}
	}
	go provisionVolumes(ctx, client, home+"/volumes")
	if err := waitFor(ended, "the node", func() error { return nodeReady(ctx, client) }); err != nil {
		return err
	}
	if err := waitFor(ended, "DNS", func() error {
		response, err := http.Get("http://" + dnsReadyAddress + "/ready")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := writeFile(in.path("ready"), ""); err != nil {
		return err
	}
	fmt.Println("ready:", in.path("cp", "kubeconfig"))
	c := <-ended
	return c.failure(in)
}

// startComponent starts a process with its output in DIR/logs.
func (in *instance) startComponent(ended chan<- component, name, executable string, args ...string) error {
	log, err := os.Create(in.path("logs", name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(executable, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() { ended <- component{name, cmd.Wait()} }()
	return nil
}

func (c component) failure(in *instance) error {
	log := in.path("logs", c.name+".log")
	return fmt.Errorf("%s ended: %v; the end of %s:\n%s", c.name, c.err, log, tail(log))
}

// waitFor tries until there is no error. It gives one when a component has
// ended, or after a minute and a half.
func waitFor(ended <-chan component, what string, try func() error) error {
	deadline := time.After(90 * time.Second)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case c := <-ended:
			return fmt.Errorf("%s ended while it waited for %s: %v", c.name, what, c.err)
		case <-deadline:
			return fmt.Errorf("%s is not ready: %w", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func nodeReady(ctx context.Context, client kubernetes.Interface) error {
	node, err := client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if len(node.Spec.Taints) > 0 {
		return fmt.Errorf("it has the taint %s", node.Spec.Taints[0].Key)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			if condition.Status == corev1.ConditionTrue {
				return nil
			}
			return errors.New(condition.Message)
		}
	}
	return errors.New("the kubelet has not reported")
}
