// Package kubelet is a stand-in for the kubelets of all nodes: it makes nodes Ready, assigned pods Running and Ready,
// and finishes graceful deletions.
package kubelet

import (
	"context"
	"encoding/json"
	"flag"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"

	"storagewhy.test/control-plane/internal/standin"
)

const (
	// readyAnnotation "false" on a pod keeps it Running but not Ready; on a node it means that the node has no
	// kubelet: the node and the pods on it are left as they are.
	readyAnnotation = "test.storagewhy.dev/ready"
	// phaseAnnotation on a pod names the phase it gets instead of Running; Pending leaves it as it is.
	phaseAnnotation = "test.storagewhy.dev/phase"

	interval = 100 * time.Millisecond
)

// kubelet looks at the whole cluster again and again; what it reads comes from caches that watches keep, so looking
// often costs the API server nothing, and whatever failed is tried again the next time.
type kubelet struct {
	client kubernetes.Interface
	nodes  listers.NodeLister
	pods   listers.PodLister
	claims listers.PersistentVolumeClaimLister
}

// Run is the command `kubelet`.
func Run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("kubelet", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig of the cluster (required)")
	ctx, err := standin.Parse(ctx, flags, args, "kubeconfig")
	if err != nil {
		return err
	}
	client, err := standin.Client(*kubeconfig)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	core := factory.Core().V1()
	k := &kubelet{
		client: client,
		nodes:  core.Nodes().Lister(), pods: core.Pods().Lister(), claims: core.PersistentVolumeClaims().Lister(),
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	if err := standin.PrintLine(map[string]any{"ready": true}); err != nil {
		return err
	}
	k.loop(ctx)
	return nil
}

func (k *kubelet) loop(ctx context.Context) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.tendNodes(ctx)
			k.tendPods(ctx)
		}
	}
}

func (k *kubelet) tendNodes(ctx context.Context) {
	nodes, err := k.nodes.List(labels.Everything())
	report(err)
	for _, node := range nodes {
		if dead(node) {
			continue
		}
		if status := nodeStatus(node, metav1.Now()); status != nil {
			report(k.patchNode(ctx, node.Name, map[string]any{"status": status}, "status"))
		}
		if taints, found := withoutNotReady(node.Spec.Taints); found {
			report(k.patchNode(ctx, node.Name, map[string]any{"spec": map[string]any{"taints": taints}}))
		}
	}
}

func (k *kubelet) tendPods(ctx context.Context) {
	pods, err := k.pods.List(labels.Everything())
	report(err)
	for _, pod := range pods {
		node, err := k.nodes.Get(pod.Spec.NodeName)
		if err != nil || dead(node) {
			continue
		}
		if pod.DeletionTimestamp != nil {
			report(k.finishDeletion(ctx, pod))
		} else if status := podStatus(pod, node, k.claims, metav1.Now()); status != nil {
			report(k.patchPod(ctx, pod, status))
		}
	}
}

// finishDeletion deletes without grace, once: finalizers may keep the pod after that.
func (k *kubelet) finishDeletion(ctx context.Context, pod *corev1.Pod) error {
	if grace := pod.DeletionGracePeriodSeconds; grace != nil && *grace == 0 {
		return nil
	}
	options := metav1.NewDeleteOptions(0)
	options.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
	return k.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *options)
}

// patchNode merges as JSON, so that a list in the patch replaces the node's.
func (k *kubelet) patchNode(ctx context.Context, name string, patch any, subresources ...string) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = k.client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, body, metav1.PatchOptions{}, subresources...)
	return err
}

// patchPod merges by the conditions' types, and only into the pod it was computed from.
func (k *kubelet) patchPod(ctx context.Context, pod *corev1.Pod, status *corev1.PodStatus) error {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
	if err != nil {
		return err
	}
	_, err = k.client.CoreV1().Pods(pod.Namespace).
		Patch(ctx, pod.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, "status")
	return err
}

func dead(node *corev1.Node) bool { return node.Annotations[readyAnnotation] == "false" }

func report(err error) {
	if err != nil {
		klog.ErrorS(err, "Will try again")
	}
}
