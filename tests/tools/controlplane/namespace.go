package main

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubernetes/pkg/controller/namespace/deletion"
)

// deleteNamespaces stands in for the namespace controller of
// kube-controller-manager, which waits for 5 seconds before each of its two or
// three passes over a namespace. The passes are its own code; only the waiting
// is shorter, and it grows while something keeps the namespace.
func (in *instance) deleteNamespaces(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", in.path("kubeconfigs", "controllermanager"))
	if err != nil {
		return err
	}
	config.QPS, config.UserAgent = -1, "namespace-controller"
	config.WarningHandler = rest.NoWarnings{}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	deleter := deletion.NewNamespacedResourcesDeleter(ctx, client.CoreV1().Namespaces(), metadataClient,
		client.CoreV1(), client.Discovery().ServerPreferredNamespacedResources, corev1.FinalizerKubernetes)

	var busy sync.Map
	handle := func(object any) {
		namespace := object.(*corev1.Namespace)
		if namespace.DeletionTimestamp == nil {
			return
		}
		if _, known := busy.LoadOrStore(namespace.Name, true); known {
			return
		}
		go func() {
			defer busy.Delete(namespace.Name)
			for wait := 50 * time.Millisecond; deleter.Delete(ctx, namespace.Name) != nil; wait = min(2*wait, 5*time.Second) {
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
			}
		}()
	}
	factory := informers.NewSharedInformerFactory(client, time.Minute)
	if _, err := factory.Core().V1().Namespaces().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    handle,
		UpdateFunc: func(_, object any) { handle(object) },
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	return nil
}
