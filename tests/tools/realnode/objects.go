package main

import (
	"context"
	"errors"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// nodeName is the name of the node, and of the service account that its
// components have.
const nodeName = "real-node"

// createObjects makes the cluster this node's: the control plane's simulated
// node and its storage classes, whose volumes are the machine's, go.
func createObjects(ctx context.Context, client kubernetes.Interface) error {
	for _, name := range []string{"standard", "immediate"} {
		if err := client.StorageV1().StorageClasses().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	if err := client.CoreV1().Nodes().Delete(ctx, "holm-node", metav1.DeleteOptions{}); err != nil {
		return err
	}
	create := metav1.CreateOptions{}
	system := metav1.NamespaceSystem
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: nodeName, Namespace: system}}
	if _, err := client.CoreV1().ServiceAccounts(system).Create(ctx, account, create); err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: nodeName},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: nodeName, Namespace: system}},
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, create); err != nil {
		return err
	}
	// The annotation keeps kwok away from it.
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:        nodeName,
		Annotations: map[string]string{"holm.dev/kubelet": "real"},
		Labels:      map[string]string{corev1.LabelHostname: nodeName},
	}}
	if _, err := client.CoreV1().Nodes().Create(ctx, node, create); err != nil {
		return err
	}
	if err := errors.Join(createClasses(ctx, client), keepKwokAway(ctx, client)); err != nil {
		return err
	}
	ports := []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}, {Name: "dns-tcp", Port: 53, Protocol: corev1.ProtocolTCP}}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Namespace: system},
		Spec:       corev1.ServiceSpec{ClusterIP: dnsAddress, Ports: ports},
	}
	if _, err := client.CoreV1().Services(system).Create(ctx, service, create); err != nil {
		return err
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "kube-dns", Namespace: system, Labels: map[string]string{discoveryv1.LabelServiceName: "kube-dns"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{nodeAddress}}},
	}
	for _, port := range ports {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &port.Name, Port: &port.Port, Protocol: &port.Protocol})
	}
	_, err := client.DiscoveryV1().EndpointSlices(system).Create(ctx, slice, create)
	return err
}

// createClasses creates the storage classes: `local`, the default, whose
// volumes get a pod's fsGroup, and `host-path`, whose volumes do not.
func createClasses(ctx context.Context, client kubernetes.Interface) error {
	wait, expand := storagev1.VolumeBindingWaitForFirstConsumer, true
	for _, kind := range []string{localVolume, hostPathVolume} {
		class := &storagev1.StorageClass{
			ObjectMeta:           metav1.ObjectMeta{Name: kind},
			Provisioner:          provisioner,
			Parameters:           map[string]string{"type": kind},
			VolumeBindingMode:    &wait,
			AllowVolumeExpansion: &expand,
		}
		if kind == localVolume {
			class.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
		}
		if _, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// keepKwokAway denies the control plane's simulated node what it does for
// claims of every class: it says that they have grown, and nothing has.
func keepKwokAway(ctx context.Context, client kubernetes.Interface) error {
	const name = "claims-are-of-the-real-node"
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule: admissionv1.Rule{
						APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"persistentvolumeclaims/status"},
					},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: "request.userInfo.username != 'system:node:holm-node'"}},
		},
	}
	if _, err := client.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	_, err := client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(ctx, binding, metav1.CreateOptions{})
	return err
}
