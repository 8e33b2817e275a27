package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

// issuer is the issuer of service account tokens, the one that kubeadm uses.
const issuer = "https://kubernetes.default.svc.cluster.local"

var errNotRunning = errors.New("not running")

// users are the holders of static tokens, with their groups. The components
// have names of their own so that the audit log tells their requests from those
// of the program under test.
var users = map[string]struct{ name, groups string }{
	"admin":             {"admin", "system:masters"},
	"reader":            {"reader", ""},
	"nobody":            {"nobody", ""},
	"controllermanager": {"system:kube-controller-manager", "system:masters"},
	"scheduler":         {"system:kube-scheduler", "system:masters"},
	"kwok":              {"system:node:" + nodeName, "system:masters"},
}

// instance is one control plane, known by its directory.
type instance struct {
	dir   string
	state state
}

// state is what a later run on the same directory needs to be the same server
// to its clients: its ports and tokens.
type state struct {
	APIServerPort int               `json:"apiServerPort"`
	EtcdPort      int               `json:"etcdPort"`
	EtcdPeerPort  int               `json:"etcdPeerPort"`
	KwokPort      int               `json:"kwokPort"`
	KubeletPort   int               `json:"kubeletPort"`
	Tokens        map[string]string `json:"tokens"`
}

func newInstance(dir string) (*instance, error) {
	abs, err := filepath.Abs(dir)
	return &instance{dir: abs}, err
}

func (in *instance) path(elem ...string) string {
	return filepath.Join(append([]string{in.dir}, elem...)...)
}

func (in *instance) server() string {
	return fmt.Sprintf("https://127.0.0.1:%d", in.state.APIServerPort)
}

// loadState reads the state that a run has written.
func (in *instance) loadState() error {
	data, err := os.ReadFile(in.path("instance.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, &in.state)
}

// prepare makes everything in the directory that the components need before
// they start. What exists already is kept: a client that holds a kubeconfig of
// an earlier run goes on working, unless one of its ports has been taken.
func (in *instance) prepare() error {
	for _, sub := range []string{"pki", "logs", "kwok", "kubeconfigs"} {
		if err := os.MkdirAll(in.path(sub), 0o755); err != nil {
			return err
		}
	}
	if err := in.loadState(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	taken := map[int]bool{}
	for _, port := range []*int{&in.state.APIServerPort, &in.state.EtcdPort, &in.state.EtcdPeerPort, &in.state.KwokPort, &in.state.KubeletPort} {
		if err := choosePort(port, taken); err != nil {
			return err
		}
	}
	if in.state.Tokens == nil {
		in.state.Tokens = map[string]string{}
	}
	var tokenFile strings.Builder
	for key, user := range users {
		if in.state.Tokens[key] == "" {
			in.state.Tokens[key] = randomHex()
		}
		fmt.Fprintf(&tokenFile, "%s,%s,%s,%q\n", in.state.Tokens[key], user.name, key, user.groups)
	}
	data, err := json.MarshalIndent(in.state, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(in.path("instance.json"), string(data)); err != nil {
		return err
	}
	if err := writeFile(in.path("pki", "tokens.csv"), tokenFile.String()); err != nil {
		return err
	}
	if err := in.prepareKeys(); err != nil {
		return err
	}
	for key := range users {
		if _, err := in.writeKubeconfig(key, in.state.Tokens[key]); err != nil {
			return err
		}
	}
	return in.writeConfigs()
}

// prepareKeys makes the serving certificate with its authority, and the key
// that signs service account tokens.
func (in *instance) prepareKeys() error {
	if _, err := os.Stat(in.path("pki", "serving.crt")); errors.Is(err, os.ErrNotExist) {
		// The file holds the certificate and then the authority that signed it.
		chain, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1",
			[]net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
			[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"})
		if err != nil {
			return err
		}
		certs, err := cert.ParseCertsPEM(chain)
		if err != nil {
			return err
		}
		ca, err := cert.EncodeCertificates(certs[len(certs)-1])
		if err != nil {
			return err
		}
		if err := errors.Join(
			writeFile(in.path("pki", "ca.crt"), string(ca)),
			writeFile(in.path("pki", "serving.key"), string(key)),
			writeFile(in.path("pki", "serving.crt"), string(chain)),
		); err != nil {
			return err
		}
	}
	if _, err := os.Stat(in.path("pki", "sa.key")); errors.Is(err, os.ErrNotExist) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return err
		}
		public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			return err
		}
		private := pem.EncodeToMemory(&pem.Block{Type: keyutil.RSAPrivateKeyBlockType, Bytes: x509.MarshalPKCS1PrivateKey(key)})
		return errors.Join(
			writeFile(in.path("pki", "sa.pub"), string(pem.EncodeToMemory(&pem.Block{Type: keyutil.PublicKeyBlockType, Bytes: public}))),
			writeFile(in.path("pki", "sa.key"), string(private)),
		)
	}
	return nil
}

// writeKubeconfig writes the kubeconfig of one user; the administrator's is
// DIR/kubeconfig, the others are in DIR/kubeconfigs. The authority is inside
// the file, so that a copy of it works anywhere on this machine.
func (in *instance) writeKubeconfig(user, token string) (string, error) {
	ca, err := os.ReadFile(in.path("pki", "ca.crt"))
	if err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["holm"] = &clientcmdapi.Cluster{Server: in.server(), CertificateAuthorityData: ca}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["holm"] = &clientcmdapi.Context{Cluster: "holm", AuthInfo: user}
	config.CurrentContext = "holm"
	path := in.path("kubeconfigs", user)
	if user == "admin" {
		path = in.path("kubeconfig")
	}
	data, err := clientcmd.Write(*config)
	if err != nil {
		return "", err
	}
	return path, writeFile(path, string(data))
}

// userKubeconfig gives the path of the kubeconfig of a user, whom `expired`
// makes on demand.
func (in *instance) userKubeconfig(user string) (string, error) {
	if err := in.loadState(); err != nil {
		return "", fmt.Errorf("no instance in %s: %w", in.dir, err)
	}
	switch user {
	case "admin":
		return in.path("kubeconfig"), nil
	case "reader", "nobody":
		return in.path("kubeconfigs", user), nil
	case "expired":
		token, err := in.expiredToken()
		if err != nil {
			return "", err
		}
		return in.writeKubeconfig(user, token)
	}
	return "", fmt.Errorf("unknown user %q: admin, reader, nobody or expired", user)
}

// expiredToken signs a token for the service account default/default whose time
// ran out an hour ago. It is right in every other respect, so the server's
// refusal is about its time alone.
func (in *instance) expiredToken() (string, error) {
	client, err := in.client()
	if err != nil {
		return "", err
	}
	account, err := client.CoreV1().ServiceAccounts("default").Get(context.Background(), "default", metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("the service account that the token is for: %w", err)
	}
	key, err := keyutil.PrivateKeyFromFile(in.path("pki", "sa.key"))
	if err != nil {
		return "", err
	}
	generator, err := serviceaccount.JWTTokenGenerator(issuer, key)
	if err != nil {
		return "", err
	}
	subject := core.ServiceAccount{ObjectMeta: account.ObjectMeta}
	const hour = 3600
	claims, private, err := serviceaccount.Claims(subject, nil, nil, nil, nil, nil, -hour, 0, []string{issuer}, nil)
	if err != nil {
		return "", err
	}
	*claims.IssuedAt -= 2 * hour
	*claims.NotBefore -= 2 * hour
	return generator.GenerateToken(context.Background(), claims, private)
}

// client is an administrator's client without a limit on its rate.
func (in *instance) client() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", in.path("kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.QPS, config.Timeout = -1, 5*time.Second
	return kubernetes.NewForConfig(config)
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
		return nil, fmt.Errorf("a control plane is already running in %s", in.dir)
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

// wipe forgets everything that earlier runs left. It names what it removes, so
// that a wrong --dir costs nothing else.
func (in *instance) wipe() error {
	var errs []error
	for _, name := range []string{"etcd", "pki", "logs", "kwok", "kubeconfigs", "instance.json", "kubeconfig", "audit.log", "ready", "pid"} {
		errs = append(errs, os.RemoveAll(in.path(name)))
	}
	return errors.Join(errs...)
}

// choosePort keeps the port when it is free, and takes another otherwise. New
// ones are below the range from which the kernel takes the ports of outgoing
// connections, so that none of those meets one between here and the bind.
func choosePort(port *int, taken map[int]bool) error {
	for range 200 {
		if *port != 0 && !taken[*port] {
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
			if err == nil {
				taken[*port] = true
				return listener.Close()
			}
		}
		*port = 20000 + mathrand.IntN(10000)
	}
	return errors.New("no free port between 20000 and 30000")
}

func randomHex() string {
	bytes := make([]byte, 16)
	rand.Read(bytes) // It never fails: the runtime ends the process instead.
	return hex.EncodeToString(bytes)
}

// writeFile writes a file that only its owner can read, all of it or nothing.
func writeFile(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
