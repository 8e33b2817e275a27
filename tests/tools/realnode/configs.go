package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	containerdSocket = "/run/containerd/containerd.sock"
	dnsReadyAddress  = nodeAddress + ":8181"
)

// writeRuntimeConfig writes what containerd reads.
func (in *instance) writeRuntimeConfig() error {
	config := fmt.Sprintf(`version = 2
root = "%[1]s/containerd"
state = "/run/containerd"
[grpc]
  address = %[2]q
[plugins."io.containerd.internal.v1.opt"]
  path = "%[1]s/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.test/pause:1"
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE runc cannot lower oom_score_adj, and dies with "can't get final child's PID".
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "%[1]s/registries"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = %[3]q
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "/run/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "%[1]s/cni"
`, home, containerdSocket, snapshotter(home))
	network := fmt.Sprintf(`{"cniVersion": "0.4.0", "name": "node", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true,
  "hairpinMode": true, "ipam": {"type": "host-local", "dataDir": "%s/cni/addresses", "routes": [{"dst": "0.0.0.0/0"}],
  "ranges": [[{"subnet": %q, "rangeStart": "10.88.1.1", "gateway": %q}]]}}]}
`, home, podNetwork, nodeAddress)
	// registry.test is the node's own; another registry is asked where this one does not have the image, and cannot be reached.
	here := "[host.\"http://" + registryAddress + "\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
	return errors.Join(
		writeFile(home+"/containerd.toml", config),
		writeFile(home+"/cni/10-node.conflist", network),
		writeBelow(home+"/registries/registry.test/hosts.toml", "server = \"http://"+registryAddress+"\"\n"+here),
		writeBelow(home+"/registries/docker.io/hosts.toml", "server = \"https://registry-1.docker.io\"\n"+here),
	)
}

// snapshotter is overlayfs where the file system of the folder can be a part of
// an overlay, and otherwise the one that copies images.
func snapshotter(folder string) string {
	work := filepath.Join(folder, "overlay")
	defer os.RemoveAll(work)
	options := "lowerdir=" + work + "/lower,upperdir=" + work + "/upper,workdir=" + work + "/work"
	for _, sub := range []string{"lower", "upper", "work", "mount"} {
		if os.MkdirAll(filepath.Join(work, sub), 0o755) != nil {
			return "native"
		}
	}
	if syscall.Mount("overlay", work+"/mount", "overlay", 0, options) != nil {
		return "native"
	}
	syscall.Unmount(work+"/mount", 0)
	return "overlayfs"
}

// writeNodeConfigs writes what the components read that are clients of the API
// server. They have a user of their own, so that the audit log tells them from
// the program under test.
func (in *instance) writeNodeConfigs(ctx context.Context, client kubernetes.Interface) error {
	seconds := int64(10 * 24 * 3600)
	token, err := client.CoreV1().ServiceAccounts("kube-system").CreateToken(ctx, nodeName,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	admin, err := clientcmd.LoadFromFile(in.path("cp", "kubeconfig"))
	if err != nil {
		return err
	}
	for name := range admin.AuthInfos {
		admin.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	}
	kubeconfig, err := clientcmd.Write(*admin)
	if err != nil {
		return err
	}
	return errors.Join(
		writeFile(home+"/kubeconfig", string(kubeconfig)),
		writeFile(home+"/kubelet.yaml", fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
# A kubelet removes the cgroups of pods that it does not know, those of another node of this machine too.
cgroupRoot: /%[1]s
containerRuntimeEndpoint: unix://%[2]s
clusterDNS: [%[3]s]
clusterDomain: cluster.local
resolvConf: ""
readOnlyPort: 0
healthzPort: 0
volumePluginDir: %[4]s/plugins
# An image is pulled again within a second, and a full disk is the machine's and not the test's.
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "0%%", nodefs.available: "0%%", imagefs.available: "0%%", nodefs.inodesFree: "0%%"}
`, in.id, containerdSocket, dnsAddress, home)),
		writeFile(home+"/proxy.yaml", fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
iptables: {masqueradeAll: true}
clientConnection: {kubeconfig: %s/kubeconfig}
hostnameOverride: %s
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`, home, nodeName)),
		writeFile(home+"/Corefile", fmt.Sprintf(`.:53 {
  bind %s
  errors
  ready %s
  kubernetes cluster.local {
    kubeconfig %s/kubeconfig
    ttl 0
  }
}
`, nodeAddress, dnsReadyAddress, home)),
	)
}

func writeBelow(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeFile(path, text)
}
