package kubelet

import (
	"fmt"
	"hash/fnv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	listers "k8s.io/client-go/listers/core/v1"
)

// podStatus is what a kubelet reports of an assigned pod; nil when there is nothing to report.
func podStatus(pod *corev1.Pod, node *corev1.Node, claims listers.PersistentVolumeClaimLister, now metav1.Time) *corev1.PodStatus {
	phase := corev1.PodPhase(pod.Annotations[phaseAnnotation])
	if phase == "" {
		phase = corev1.PodRunning
	}
	ready := phase == corev1.PodRunning && pod.Annotations[readyAnnotation] != "false"
	if phase == corev1.PodPending || (pod.Status.Phase == phase && podReady(pod) == ready) || !claimsBound(pod, claims) {
		return nil
	}
	started := pod.Status.StartTime
	if started == nil {
		started = &now
	}
	address := podAddress(pod)
	return &corev1.PodStatus{
		Phase: phase, StartTime: started, HostIP: nodeAddress(node),
		PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
		Conditions:            podConditions(phase, ready, now),
		ContainerStatuses:     containerStatuses(pod.Spec.Containers, phase, ready, now),
		InitContainerStatuses: initContainerStatuses(pod.Spec.InitContainers, phase, now),
	}
}

// claimsBound says that the pod's claims exist and are bound: else a kubelet waits for the volumes.
func claimsBound(pod *corev1.Pod, claims listers.PersistentVolumeClaimLister) bool {
	for _, volume := range pod.Spec.Volumes {
		name := ""
		switch {
		case volume.PersistentVolumeClaim != nil:
			name = volume.PersistentVolumeClaim.ClaimName
		case volume.Ephemeral != nil:
			name = pod.Name + "-" + volume.Name
		default:
			continue
		}
		claim, err := claims.PersistentVolumeClaims(pod.Namespace).Get(name)
		if err != nil || claim.Status.Phase != corev1.ClaimBound {
			return false
		}
	}
	return true
}

func podReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// podConditions are those of the kubelet's status generation (pkg/kubelet/status/generate.go of Kubernetes).
func podConditions(phase corev1.PodPhase, ready bool, now metav1.Time) []corev1.PodCondition {
	readiness, reason := corev1.ConditionFalse, "ContainersNotReady"
	if ready {
		readiness, reason = corev1.ConditionTrue, ""
	} else if phase == corev1.PodSucceeded {
		reason = "PodCompleted"
	} else if phase == corev1.PodFailed {
		reason = "PodFailed"
	}
	return []corev1.PodCondition{
		{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue, LastTransitionTime: now},
		{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: now},
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: now},
		{Type: corev1.ContainersReady, Status: readiness, Reason: reason, LastTransitionTime: now},
		{Type: corev1.PodReady, Status: readiness, Reason: reason, LastTransitionTime: now},
	}
}

func containerStatuses(containers []corev1.Container, phase corev1.PodPhase, ready bool, now metav1.Time) []corev1.ContainerStatus {
	var statuses []corev1.ContainerStatus
	for _, c := range containers {
		started := phase == corev1.PodRunning
		statuses = append(statuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: "sha256:" + c.Image, ContainerID: "test://" + c.Name,
			Ready: ready, Started: &started, State: containerState(phase, now),
		})
	}
	return statuses
}

// initContainerStatuses are of containers that have done their work, except sidecars, which run as long as the pod.
func initContainerStatuses(containers []corev1.Container, phase corev1.PodPhase, now metav1.Time) []corev1.ContainerStatus {
	var statuses []corev1.ContainerStatus
	for _, c := range containers {
		own := corev1.PodSucceeded
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			own = phase
		}
		statuses = append(statuses, containerStatuses([]corev1.Container{c}, own, own != corev1.PodFailed, now)...)
	}
	return statuses
}

func containerState(phase corev1.PodPhase, now metav1.Time) corev1.ContainerState {
	switch phase {
	case corev1.PodSucceeded:
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: now, FinishedAt: now}}
	case corev1.PodFailed:
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 1, StartedAt: now, FinishedAt: now}}
	default:
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
	}
}

// podAddress is one that stays the same for the same pod.
func podAddress(pod *corev1.Pod) string {
	hash := fnv.New32()
	_, _ = hash.Write([]byte(pod.UID))
	sum := hash.Sum32()
	return fmt.Sprintf("10.244.%d.%d", sum>>8&0xff, sum&0xff)
}

func nodeAddress(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return "127.0.0.1"
}
