package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"storagewhy.test/control-plane/internal/standin"
)

// emptyLists are API paths whose lists have no items in a cluster that no test has touched.
var emptyLists = []string{
	"/api/v1/nodes",
	"/api/v1/pods",
	"/api/v1/persistentvolumes",
	"/api/v1/persistentvolumeclaims",
	"/api/v1/events",
	"/apis/apps/v1/statefulsets",
	"/apis/apps/v1/deployments",
	"/apis/apps/v1/daemonsets",
	"/apis/apps/v1/replicasets",
	"/apis/batch/v1/jobs",
	"/apis/storage.k8s.io/v1/storageclasses",
	"/apis/storage.k8s.io/v1/csinodes",
	"/apis/storage.k8s.io/v1/csidrivers",
	"/apis/storage.k8s.io/v1/csistoragecapacities",
	"/apis/storage.k8s.io/v1/volumeattachments",
	"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
	"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
	"/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}

// wipe brings the cluster back to how it was when `serve` said it was ready, and its components to how `serve` started
// them. It works on etcd: deleting through the API takes finalizers, the order of owners and a round trip per object.
func (c *cluster) wipe(ctx context.Context) error {
	c.stopControllers()
	if err := c.empty(ctx); err != nil {
		return err
	}
	return c.startAgain(ctx)
}

// keep remembers the cluster as it is, for back.
func (c *cluster) keep(ctx context.Context) error {
	values, err := readRegistry(ctx, c.etcdAPI)
	if err == nil {
		c.kept = &baseline{values: withoutEvents(values)}
	}
	return err
}

// back brings the cluster back to how it was when it was kept, and its components to how `serve` started them.
func (c *cluster) back(ctx context.Context) error {
	if c.kept == nil {
		return fmt.Errorf("nothing was kept")
	}
	c.stopControllers()
	for range wipeTries {
		if err := c.kept.restore(ctx, c.etcdAPI); err != nil {
			return err
		}
		time.Sleep(backPause) // what the API server had accepted before, it may write after the first time
		values, err := readRegistry(ctx, c.etcdAPI)
		if err != nil {
			return err
		}
		if len(c.kept.difference(values)) == 0 {
			return c.startAgain(ctx)
		}
	}
	return fmt.Errorf("the cluster does not stay as it was kept")
}

func (c *cluster) stopControllers() {
	for _, p := range []**process{&c.kubelet, &c.scheduler, &c.controllerManager} {
		stopProcess(p, 0) // what they would still write is to be wiped
	}
}

func (c *cluster) startAgain(ctx context.Context) error {
	if err := c.startControllers(ctx); err != nil {
		return err
	}
	if c.options.kubelet {
		return c.startKubelet()
	}
	return nil
}

// wipeTries is how often the baseline is restored, and wipeShown how long the API server, which learns of the deletions
// from etcd, may take to show each. backPause is how long keys that were put back have to stay as they are.
const (
	wipeTries = 5
	wipeShown = 5 * time.Second
	backPause = 100 * time.Millisecond
)

// empty restores the baseline until the API server shows it: what it had accepted from a component before that was
// stopped, it may write after the first time.
func (c *cluster) empty(ctx context.Context) error {
	client, err := standin.Client(c.kubeconfig())
	if err != nil {
		return err
	}
	for range wipeTries {
		if err = c.baseline.restore(ctx, c.etcdAPI); err != nil {
			return err
		}
		if err = c.waitEmpty(ctx, client.Discovery().RESTClient()); err == nil {
			return nil
		}
	}
	return err
}

func (c *cluster) waitEmpty(ctx context.Context, client rest.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, wipeShown)
	defer cancel()
	for _, path := range emptyLists {
		err := c.apiServer.waitUntil(ctx, func(ctx context.Context) error { return isEmpty(ctx, client, path) })
		if err != nil {
			return err
		}
	}
	return nil
}

func isEmpty(ctx context.Context, client rest.Interface, path string) error {
	raw, err := client.Get().AbsPath(path).Param("limit", "1").Do(ctx).Raw()
	if err != nil {
		return err
	}
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list.Items) > 0 {
		return fmt.Errorf("%s still has items", path)
	}
	return nil
}
