package kubelet

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// defaultResources are what a node gets that was made without any: as without them no pod fits.
var defaultResources = corev1.ResourceList{
	corev1.ResourceCPU:              resource.MustParse("8"),
	corev1.ResourceMemory:           resource.MustParse("32Gi"),
	corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
	corev1.ResourcePods:             resource.MustParse("110"),
}

// nodeStatus is the part of a node's status to change, nil when the node is as it should be: Ready, and able to run
// something.
func nodeStatus(node *corev1.Node, now metav1.Time) map[string]any {
	status := map[string]any{}
	if !isReady(node) {
		status["conditions"] = append(otherConditions(node), corev1.NodeCondition{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
			Message: "kubelet is posting ready status", LastHeartbeatTime: now, LastTransitionTime: now,
		})
	}
	if len(node.Status.Capacity) == 0 && len(node.Status.Allocatable) == 0 {
		status["capacity"], status["allocatable"] = defaultResources, defaultResources
	}
	if len(status) == 0 {
		return nil
	}
	return status
}

func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func otherConditions(node *corev1.Node) []corev1.NodeCondition {
	var others []corev1.NodeCondition
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			others = append(others, condition)
		}
	}
	return others
}

// withoutNotReady is the taints a Ready node keeps, and whether there are others.
func withoutNotReady(taints []corev1.Taint) (kept []corev1.Taint, found bool) {
	kept = []corev1.Taint{}
	for _, taint := range taints {
		if taint.Key == corev1.TaintNodeNotReady {
			found = true
		} else {
			kept = append(kept, taint)
		}
	}
	return kept, found
}
