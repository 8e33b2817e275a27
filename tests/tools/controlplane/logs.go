package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// logAnnotation on a pod is the text that its containers have logged.
const logAnnotation = "holm.dev/log"

// serveLogs answers the one request to a kubelet that kubectl and holm make:
// for the log of a container. kwok can answer it too, but from a file that it
// chooses by the pod's name alone; here it follows from the container's state.
func (in *instance) serveLogs() (*http.Server, error) {
	certificate, err := tls.LoadX509KeyPair(in.path("pki", "serving.crt"), in.path("pki", "serving.key"))
	if err != nil {
		return nil, err
	}
	client, err := in.client()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		text, err := containerLog(client, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, text)
	})
	listener, err := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", in.state.KubeletPort), &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	return server, nil
}

// containerLog is the log of a container, or the error of a kubelet about a
// container that has none. `follow` ends at the end of the log.
func containerLog(client kubernetes.Interface, r *http.Request) (string, error) {
	pod, err := client.CoreV1().Pods(r.PathValue("namespace")).Get(r.Context(), r.PathValue("pod"), metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	name, query := r.PathValue("container"), r.URL.Query()
	ended, err := logState(pod, name, query.Get("previous") == "true")
	if err != nil {
		return "", err
	}
	text, ordered := pod.Annotations[logAnnotation]
	if !ordered {
		text = fmt.Sprintf("simulated container %s: started\n", name)
		if ended != nil && ended.ExitCode != 0 {
			text += ended.Message
		}
	}
	if lines, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		all := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
		text = strings.Join(all[max(0, len(all)-lines):], "") + "\n"
	}
	if limit, err := strconv.Atoi(query.Get("limitBytes")); err == nil {
		text = text[:min(limit, len(text))]
	}
	return text, nil
}

// logState finds the container whose log is asked for, and how it has ended if
// it has. Its errors are those of a kubelet's validateContainerLogStatus.
func logState(pod *corev1.Pod, name string, previous bool) (*corev1.ContainerStateTerminated, error) {
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if status.Name != name {
			continue
		}
		waiting, last := status.State.Waiting, status.LastTerminationState.Terminated
		switch {
		case previous && last == nil:
			return nil, fmt.Errorf("previous terminated container %q in pod %q not found", name, pod.Name)
		case previous || waiting != nil && last != nil:
			return last, nil
		case waiting == nil:
			return status.State.Terminated, nil
		case waiting.Reason == "ErrImagePull":
			return nil, fmt.Errorf("container %q in pod %q is waiting to start: image can't be pulled", name, pod.Name)
		case waiting.Reason == "ImagePullBackOff":
			return nil, fmt.Errorf("container %q in pod %q is waiting to start: trying and failing to pull image", name, pod.Name)
		}
		return nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", name, pod.Name, waiting.Reason)
	}
	return nil, errors.New("container " + strconv.Quote(name) + " in pod " + strconv.Quote(pod.Name) + " is not available")
}
