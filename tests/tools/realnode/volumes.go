package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	// provisioner is the name in the storage classes.
	provisioner = "holm.dev/realnode"
	// The types of volumes, and the names of their classes.
	localVolume, hostPathVolume = "local", "host-path"
)

// provisionVolumes makes a volume for each claim of the provisioner's classes
// whose pod has a node, lets it grow, and removes those whose claim is gone. A
// volume is an ext4 file system of its own: it has a lost+found, its root
// belongs to root, and it can run full.
func provisionVolumes(ctx context.Context, client kubernetes.Interface, folder string) {
	for ; ; time.Sleep(200 * time.Millisecond) {
		if err := reconcile(ctx, client, folder); err != nil {
			fmt.Fprintln(os.Stderr, time.Now().Format(time.TimeOnly), "volumes:", err)
			time.Sleep(time.Second)
		}
	}
}

func reconcile(ctx context.Context, client kubernetes.Interface, folder string) error {
	claims, err := client.CoreV1().PersistentVolumeClaims("").List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return err
	}
	list, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return err
	}
	volumes := map[string]*corev1.PersistentVolume{}
	for index := range list.Items {
		volumes[list.Items[index].Name] = &list.Items[index]
	}
	var errs []error
	for index := range claims.Items {
		claim := &claims.Items[index]
		if claim.Annotations["volume.kubernetes.io/storage-provisioner"] != provisioner || claim.DeletionTimestamp != nil {
			continue
		}
		volume := volumes[claim.Spec.VolumeName]
		switch {
		case claim.Spec.VolumeName == "" && claim.Annotations["volume.kubernetes.io/selected-node"] == nodeName:
			err = provision(ctx, client, folder, claim)
		case volume != nil && claim.Status.Phase == corev1.ClaimBound && wanted(claim).Cmp(claim.Status.Capacity[corev1.ResourceStorage]) > 0:
			err = grow(ctx, client, folder, claim, volume)
		default:
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("claim %s/%s: %w", claim.Namespace, claim.Name, err))
		}
	}
	for name, volume := range volumes {
		if volume.Annotations["pv.kubernetes.io/provisioned-by"] == provisioner && volume.DeletionTimestamp == nil &&
			volume.Status.Phase == corev1.VolumeReleased && volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
			if err := remove(ctx, client, folder, name); err != nil {
				errs = append(errs, fmt.Errorf("volume %s: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func wanted(claim *corev1.PersistentVolumeClaim) *resource.Quantity {
	return claim.Spec.Resources.Requests.Storage()
}

func provision(ctx context.Context, client kubernetes.Interface, folder string, claim *corev1.PersistentVolumeClaim) error {
	class, err := client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	name := "pvc-" + string(claim.UID)
	if _, err := client.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	path, image := filepath.Join(folder, name), filepath.Join(folder, name+".img")
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	// The file takes the room of what is written to it.
	if err := commands(
		[]string{"truncate", "--size=" + bytes(wanted(claim)), image},
		[]string{"mkfs.ext4", "-q", "-F", "-m0", image},
		[]string{"mount", "-o", "loop", image, path},
	); err != nil {
		return err
	}
	source := corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}}
	if class.Parameters["type"] == hostPathVolume {
		source = corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path}}
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: *wanted(claim)},
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              class.Name,
			PersistentVolumeReclaimPolicy: *class.ReclaimPolicy,
			PersistentVolumeSource:        source,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{nodeName},
				}},
			}}}},
		},
	}
	_, err = client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	return err
}

// grow makes the file system as large as the claim asks for, and then says so
// in the volume and in the claim, as a driver does that needs no help of the
// kubelet. A file system that is in use grows only with CAP_SYS_RESOURCE; without
// it, the claim has the condition FileSystemResizePending until no pod uses it.
func grow(ctx context.Context, client kubernetes.Interface, folder string, claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) error {
	path, image := filepath.Join(folder, volume.Name), filepath.Join(folder, volume.Name+".img")
	device, err := deviceOf(image)
	if err != nil {
		return err
	}
	if err := commands([]string{"truncate", "--size=" + bytes(wanted(claim)), image}, []string{"losetup", "--set-capacity", device}); err != nil {
		return err
	}
	if refused := commands([]string{"resize2fs", device}); refused != nil {
		used, err := mountsOf(device)
		if err != nil {
			return err
		}
		// One is its own.
		if used > 1 {
			return setCondition(ctx, client, claim)
		}
		if err := commands([]string{"umount", path}); err != nil {
			return err
		}
		// Without the folder a pod cannot start on what is below the mount.
		grown := errors.Join(os.Remove(path), commands([]string{"e2fsck", "-f", "-p", image}, []string{"resize2fs", image}))
		if err := errors.Join(grown, os.MkdirAll(path, 0o755), commands([]string{"mount", "-o", "loop", image, path})); err != nil {
			return err
		}
	}
	capacity := corev1.ResourceList{corev1.ResourceStorage: *wanted(claim)}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"capacity": capacity}})
	if err != nil {
		return err
	}
	if _, err := client.CoreV1().PersistentVolumes().Patch(ctx, volume.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	claim = claim.DeepCopy()
	claim.Status.Capacity = capacity
	claim.Status.Conditions = slices.DeleteFunc(claim.Status.Conditions, isPending)
	_, err = client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, metav1.UpdateOptions{})
	return err
}

// setCondition says that the growth waits, once.
func setCondition(ctx context.Context, client kubernetes.Interface, claim *corev1.PersistentVolumeClaim) error {
	if slices.ContainsFunc(claim.Status.Conditions, isPending) {
		return nil
	}
	claim = claim.DeepCopy()
	claim.Status.Conditions = append(claim.Status.Conditions, corev1.PersistentVolumeClaimCondition{
		Type: corev1.PersistentVolumeClaimFileSystemResizePending, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(),
		Message: "Waiting for user to (re-)start a pod to finish file system resize of volume on node.",
	})
	_, err := client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, metav1.UpdateOptions{})
	return err
}

func isPending(condition corev1.PersistentVolumeClaimCondition) bool {
	return condition.Type == corev1.PersistentVolumeClaimFileSystemResizePending
}

func remove(ctx context.Context, client kubernetes.Interface, folder, name string) error {
	path := filepath.Join(folder, name)
	if fileExists(path) {
		if err := commands([]string{"umount", path}); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	if err := os.Remove(path + ".img"); err != nil && !os.IsNotExist(err) {
		return err
	}
	err := client.CoreV1().PersistentVolumes().Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// deviceOf is the loop device of a file.
func deviceOf(image string) (string, error) {
	output, err := exec.Command("losetup", "--noheadings", "--output", "NAME", "--associated", image).Output()
	device := strings.TrimSpace(string(output))
	if err != nil || device == "" {
		return "", fmt.Errorf("no loop device of %s: %v", image, err)
	}
	return device, nil
}

// mountsOf counts where a device is mounted: each pod that uses a volume has a
// mount of its own.
func mountsOf(device string) (int, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return 0, err
	}
	count := 0
	for line := range strings.Lines(string(data)) {
		_, source, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(source); len(fields) > 1 && fields[1] == device {
			count++
		}
	}
	return count, nil
}

// bytes is the size of a volume; ext4 needs some room for itself.
func bytes(size *resource.Quantity) string { return strconv.FormatInt(max(size.Value(), 8<<20), 10) }

func commands(all ...[]string) error {
	for _, command := range all {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command[0], err, output)
		}
	}
	return nil
}
