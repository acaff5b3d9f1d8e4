package kubelet

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

func podWith(annotations map[string]string, claims ...string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "n", Annotations: annotations}}
	pod.Spec.Containers = []corev1.Container{{Name: "c"}}
	for _, claim := range claims {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}})
	}
	return pod
}

func TestPodStatus(t *testing.T) {
	claims := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for name, phase := range map[string]corev1.PersistentVolumeClaimPhase{"bound": corev1.ClaimBound, "waiting": corev1.ClaimPending} {
		_ = claims.Add(&corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "n"}, Status: corev1.PersistentVolumeClaimStatus{Phase: phase}})
	}
	for name, test := range map[string]struct {
		pod   *corev1.Pod
		phase corev1.PodPhase // "" when the pod is to be left as it is
		ready bool
	}{
		"plain":                  {podWith(nil), corev1.PodRunning, true},
		"not ready by request":   {podWith(map[string]string{readyAnnotation: "false"}), corev1.PodRunning, false},
		"pending by request":     {podWith(map[string]string{phaseAnnotation: "Pending"}), "", false},
		"failed by request":      {podWith(map[string]string{phaseAnnotation: "Failed"}), corev1.PodFailed, false},
		"its claim is bound":     {podWith(nil, "bound"), corev1.PodRunning, true},
		"a claim is not bound":   {podWith(nil, "bound", "waiting"), "", false},
		"a claim does not exist": {podWith(nil, "missing"), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			lister := listers.NewPersistentVolumeClaimLister(claims)
			status := podStatus(test.pod, &corev1.Node{}, lister, metav1.Now())
			if status == nil {
				if test.phase != "" {
					t.Fatalf("no status, want %s", test.phase)
				}
				return
			}
			test.pod.Status = *status
			if status.Phase != test.phase || podReady(test.pod) != test.ready || status.ContainerStatuses[0].Ready != test.ready {
				t.Errorf("got %+v", status)
			}
			if podStatus(test.pod, &corev1.Node{}, lister, metav1.Now()) != nil {
				t.Error("reports again what it has reported")
			}
		})
	}
}
