package webhook

import (
	"context"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// What follows does what TopoLVM's internal/hook/mutate_pod.go does.

const (
	driver             = "topolvm.io"
	capacityResource   = corev1.ResourceName("topolvm.io/capacity")
	capacityAnnotation = "capacity.topolvm.io/"
	deviceClassKey     = "topolvm.io/device-class"
	defaultDeviceClass = "00default"
	defaultSize        = 1 << 30
)

// mutator computes the change of a pod from its claims and their classes.
type mutator struct {
	client kubernetes.Interface
}

// capacities sums the bytes that the pod's unbound TopoLVM claims ask for, by device class. A claim that is bound
// already ends it with nothing: the pod's node is decided.
func (m *mutator) capacities(ctx context.Context, namespace string, pod *corev1.Pod) (map[string]int64, error) {
	sums := map[string]int64{}
	for _, volume := range pod.Spec.Volumes {
		claim, err := m.claim(ctx, namespace, volume)
		if err != nil {
			return nil, err
		}
		if claim == nil {
			continue
		}
		class, err := m.class(ctx, claim.Spec.StorageClassName)
		if err != nil {
			return nil, err
		}
		if class == nil || class.Provisioner != driver {
			continue
		}
		if phase := claim.Status.Phase; phase != "" && phase != corev1.ClaimPending {
			return nil, nil
		}
		if deviceClass := deviceClass(class); deviceClass != "" {
			sums[deviceClass] += requestedBytes(claim)
		}
	}
	return sums, nil
}

// claim is the claim of a volume, or what its template would make; nil when the volume has none or it is missing.
func (m *mutator) claim(ctx context.Context, namespace string, volume corev1.Volume) (*corev1.PersistentVolumeClaim, error) {
	if volume.Ephemeral != nil && volume.Ephemeral.VolumeClaimTemplate != nil {
		return &corev1.PersistentVolumeClaim{Spec: volume.Ephemeral.VolumeClaimTemplate.Spec}, nil
	}
	if volume.PersistentVolumeClaim == nil {
		return nil, nil
	}
	claim, err := m.client.CoreV1().PersistentVolumeClaims(namespace).
		Get(ctx, volume.PersistentVolumeClaim.ClaimName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return claim, err
}

func (m *mutator) class(ctx context.Context, name *string) (*storagev1.StorageClass, error) {
	if name == nil || *name == "" {
		return nil, nil
	}
	class, err := m.client.StorageV1().StorageClasses().Get(ctx, *name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return class, err
}

func deviceClass(class *storagev1.StorageClass) string {
	if name, ok := class.Parameters[deviceClassKey]; ok {
		return name
	}
	return defaultDeviceClass
}

func requestedBytes(claim *corev1.PersistentVolumeClaim) int64 {
	request := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if request.IsZero() {
		return defaultSize
	}
	return request.Value()
}

// operation is one step of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patch gives the first container the marker resource and the pod one annotation per device class.
func patch(pod *corev1.Pod, capacities map[string]int64) []operation {
	if len(capacities) == 0 {
		return nil
	}
	resources := pod.Spec.Containers[0].Resources
	annotations := map[string]string{}
	for key, value := range pod.Annotations {
		annotations[key] = value
	}
	for deviceClass, bytes := range capacities {
		annotations[capacityAnnotation+deviceClass] = strconv.FormatInt(bytes, 10)
	}
	return []operation{
		mark("/spec/containers/0/resources/requests", len(resources.Requests) == 0),
		mark("/spec/containers/0/resources/limits", len(resources.Limits) == 0),
		{Op: "add", Path: "/metadata/annotations", Value: annotations},
	}
}

// mark adds the resource to a list of resources, which it makes when there is none.
func mark(path string, missing bool) operation {
	if missing {
		return operation{Op: "add", Path: path, Value: map[corev1.ResourceName]string{capacityResource: "1"}}
	}
	key := strings.ReplaceAll(string(capacityResource), "/", "~1")
	return operation{Op: "add", Path: path + "/" + key, Value: "1"}
}
