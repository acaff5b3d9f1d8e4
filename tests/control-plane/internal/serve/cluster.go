package serve

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// cluster is the running control plane; a component that does not run is nil.
type cluster struct {
	layout
	options  *options
	etcdAPI  *clientv3.Client
	baseline *baseline
	kept     *baseline // as the command `keep` found it

	etcd, apiServer, controllerManager, scheduler, kubelet *process
}

// startCluster starts all that the options ask for and returns when all of it is ready.
func startCluster(ctx context.Context, o *options) (*cluster, error) {
	dir, err := filepath.Abs(o.dataDir)
	if err != nil {
		return nil, err
	}
	c := &cluster{layout: layout{dir: dir, portBase: o.portBase}, options: o}
	if err := c.start(ctx); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (c *cluster) start(ctx context.Context) error {
	if err := c.checkPorts(); err != nil {
		return err
	}
	if err := writeFiles(c.layout, c.options); err != nil {
		return err
	}
	if err := c.startEtcd(ctx); err != nil {
		return err
	}
	if err := c.startAPIServer(ctx); err != nil {
		return err
	}
	if err := c.startControllers(ctx); err != nil {
		return err
	}
	if c.options.kubelet {
		if err := c.startKubelet(); err != nil {
			return err
		}
	}
	var err error
	c.baseline, err = takeBaseline(ctx, c.etcdAPI, c.controllerManager != nil)
	return err
}

// startControllers starts the scheduler and the controller manager as `serve` was told, both at once.
func (c *cluster) startControllers(ctx context.Context) error {
	started := make(chan error, 2)
	go func() {
		if c.options.noScheduler {
			started <- nil
			return
		}
		started <- c.startScheduler(ctx, c.options.schedulerConfig)
	}()
	go func() {
		if c.options.noControllerManager {
			started <- nil
			return
		}
		started <- c.startControllerManager(ctx)
	}()
	return errors.Join(<-started, <-started)
}

func (c *cluster) startEtcd(ctx context.Context) (err error) {
	if c.etcd, err = startProcess(c.layout, "etcd", etcdArguments(c.layout)); err != nil {
		return err
	}
	if c.etcdAPI, err = newEtcdClient(c.etcdURL()); err != nil {
		return err
	}
	return c.etcd.waitUntil(ctx, func(ctx context.Context) error {
		_, err := c.etcdAPI.Get(ctx, registry)
		return err
	})
}

func (c *cluster) startAPIServer(ctx context.Context) (err error) {
	if c.apiServer, err = startProcess(c.layout, "kube-apiserver", apiServerArguments(c.layout)); err != nil {
		return err
	}
	return c.apiServer.waitUntil(ctx, answersOK(secureURL(c.apiServerPort(), "/readyz")))
}

func (c *cluster) startControllerManager(ctx context.Context) (err error) {
	c.controllerManager, err = startProcess(c.layout, "kube-controller-manager", controllerManagerArguments(c.layout))
	if err != nil {
		return err
	}
	return c.controllerManager.waitUntil(ctx, answersOK(secureURL(c.controllerManagerPort(), "/healthz")))
}

// startScheduler starts the scheduler with a configuration file of the caller ("": the default one).
func (c *cluster) startScheduler(ctx context.Context, config string) (err error) {
	if err := writeSchedulerConfig(c.layout, config); err != nil {
		return err
	}
	if c.scheduler, err = startProcess(c.layout, "kube-scheduler", schedulerArguments(c.layout)); err != nil {
		return err
	}
	return c.scheduler.waitUntil(ctx, answersOK(secureURL(c.schedulerPort(), "/readyz")))
}

func (c *cluster) startKubelet() (err error) {
	c.kubelet, err = startProcess(c.layout, "kubelet", kubeletArguments(c.layout))
	return err
}

// stop ends the components, those first that need the others. The waits are bounded: an API server that has lost its
// etcd does not end on SIGTERM.
func (c *cluster) stop() {
	for _, p := range []**process{&c.kubelet, &c.scheduler, &c.controllerManager} {
		stopProcess(p, 5*time.Second)
	}
	stopProcess(&c.apiServer, 10*time.Second)
	if c.etcdAPI != nil {
		_ = c.etcdAPI.Close()
	}
	stopProcess(&c.etcd, 5*time.Second)
	_ = os.RemoveAll(c.file("etcd"))
}

// stopProcess stops the process if it runs, and forgets it.
func stopProcess(p **process, grace time.Duration) {
	if *p != nil {
		(*p).stop(grace)
		*p = nil
	}
}

// died is closed when etcd or the API server have ended, without which nothing goes on.
func (c *cluster) died() <-chan error {
	died := make(chan error, 1)
	go func(etcd, apiServer *process) {
		select {
		case <-etcd.done:
			died <- etcd.ended()
		case <-apiServer.done:
			died <- apiServer.ended()
		}
	}(c.etcd, c.apiServer)
	return died
}
