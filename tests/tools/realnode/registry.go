package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// registryAddress is where the node's registry listens, inside.
const registryAddress = "127.0.0.1:5000"

// images is a registry, as the OCI distribution specification has it, for
// reading only. All images but `pause` are of one layer, and differ in what they
// run: the repository and the words of the tag say what.
type images struct {
	folder string
	layers map[string]layer
	mutex  sync.Mutex
	blobs  map[string][]byte // configurations, by digest
}

type layer struct {
	digest string
	size   int64
	path   string
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

func newImages(folder string) (*images, error) {
	made := &images{folder: folder, layers: map[string]layer{}, blobs: map[string][]byte{}}
	for _, name := range []string{"root", "pause"} {
		path := filepath.Join(folder, name+".tar")
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		digest, err := os.ReadFile(filepath.Join(folder, name+".sha256"))
		if err != nil {
			return nil, err
		}
		made.layers[name] = layer{"sha256:" + strings.TrimSpace(string(digest)), info.Size(), path}
	}
	return made, nil
}

// ServeHTTP answers for manifests and blobs. Words of a tag order an answer
// that is none: `does-not-exist`, `denied` and `too-many-requests`.
func (i *images) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	path := strings.TrimPrefix(request.URL.Path, "/v2/")
	if path == "" {
		return
	}
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		refuse(answer, http.StatusNotFound, "NAME_UNKNOWN")
		return
	}
	repository, kind, reference := strings.Join(parts[:len(parts)-2], "/"), parts[len(parts)-2], parts[len(parts)-1]
	switch kind {
	case "manifests":
		i.serveManifest(answer, request, repository, reference)
	case "blobs":
		i.serveBlob(answer, request, reference)
	default:
		refuse(answer, http.StatusNotFound, "UNSUPPORTED")
	}
}

func (i *images) serveManifest(answer http.ResponseWriter, request *http.Request, repository, reference string) {
	if strings.HasPrefix(reference, "sha256:") {
		i.serveBlob(answer, request, reference)
		return
	}
	words := strings.FieldsFunc(reference, func(letter rune) bool { return strings.ContainsRune("._", letter) })
	switch {
	case slices.Contains(words, "does-not-exist"):
		refuse(answer, http.StatusNotFound, "MANIFEST_UNKNOWN")
		return
	case slices.Contains(words, "denied"):
		refuse(answer, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	case slices.Contains(words, "too-many-requests"):
		refuse(answer, http.StatusTooManyRequests, "TOOMANYREQUESTS")
		return
	// Of the world's own registry there is one image, and all else is to be asked there.
	case request.URL.Query().Get("ns") == "docker.io" && repository+":"+reference != "library/postgres:15-alpine":
		refuse(answer, http.StatusNotFound, "NAME_UNKNOWN")
		return
	}
	used, settings := i.layers["root"], run(repository, words)
	if repository == "pause" {
		used = i.layers["pause"]
	}
	config := encode(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": "2026-01-01T00:00:00Z", "config": settings,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{used.digest}},
	})
	manifest := encode(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": map[string]any{"mediaType": configType, "digest": digestOf(config), "size": len(config)},
		"layers": []any{map[string]any{"mediaType": layerType, "digest": used.digest, "size": used.size}},
		// So that every tag is an image of its own.
		"annotations": map[string]string{"org.opencontainers.image.ref.name": repository + ":" + reference},
	})
	i.mutex.Lock()
	i.blobs[digestOf(config)], i.blobs[digestOf(manifest)] = config, manifest
	i.mutex.Unlock()
	i.serveBlob(answer, request, digestOf(manifest))
}

// run is what an image runs: the database, a job that is done, or what the tag
// says, which is a web server unless it is to fail.
func run(repository string, words []string) map[string]any {
	environment := []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=en_US.utf8"}
	behave := func(how string) map[string]any {
		return map[string]any{"Env": environment, "Entrypoint": []string{"behave", how}}
	}
	for _, how := range []string{"crash-loop", "job-fail", "oom", "never-ready", "slow", "slow-stop"} {
		if slices.Contains(words, how) {
			return behave(how)
		}
	}
	switch filepath.Base(repository) {
	case "pause":
		return map[string]any{"Entrypoint": []string{"/pause"}}
	case "postgres":
		return map[string]any{"Env": environment, "Entrypoint": []string{"docker-entrypoint.sh"}, "Cmd": []string{"postgres"}, "StopSignal": "SIGINT"}
	case "migrate", "dump":
		return behave("done")
	default:
		return behave("serve")
	}
}

func (i *images) serveBlob(answer http.ResponseWriter, request *http.Request, digest string) {
	answer.Header().Set("Docker-Content-Digest", digest)
	i.mutex.Lock()
	blob, ok := i.blobs[digest]
	i.mutex.Unlock()
	if ok {
		if strings.Contains(request.URL.Path, "/manifests/") {
			answer.Header().Set("Content-Type", manifestType)
		}
		answer.Header().Set("Content-Length", fmt.Sprint(len(blob)))
		if request.Method != http.MethodHead {
			answer.Write(blob)
		}
		return
	}
	for _, layer := range i.layers {
		if layer.digest == digest {
			answer.Header().Set("Content-Type", "application/octet-stream")
			http.ServeFile(answer, request, layer.path)
			return
		}
	}
	refuse(answer, http.StatusNotFound, "BLOB_UNKNOWN")
}

func refuse(answer http.ResponseWriter, status int, code string) {
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteHeader(status)
	answer.Write(encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": strings.ToLower(code)}}}))
}

// encode never fails: it is given maps, lists and text.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

func digestOf(blob []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(blob)) }
