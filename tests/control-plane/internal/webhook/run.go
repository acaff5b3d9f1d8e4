// Package webhook is a stand-in for TopoLVM's mutating pod webhook. It is reached as in a real cluster, through the
// Service that the webhook configuration names, as Services here have addresses on loopback.
package webhook

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"storagewhy.test/control-plane/internal/certs"
	"storagewhy.test/control-plane/internal/standin"
)

const interval = 200 * time.Millisecond

// options are the flags of `webhook`.
type options struct {
	kubeconfig       string
	service          string
	namespace        string
	configuration    string
	create           bool
	failurePolicy    string
	ignoreNamespaces string
	rules            string
}

// webhook keeps the configuration pointing here and the Service's address answering.
type webhook struct {
	options
	client  kubernetes.Interface
	serving *certs.Serving
	server  *server // nil until the Service has an address
}

// Run is the command `webhook`.
func Run(ctx context.Context, args []string) error {
	w := &webhook{}
	ctx, err := w.parse(ctx, args)
	if err != nil {
		return err
	}
	if w.client, err = standin.Client(w.kubeconfig); err != nil {
		return err
	}
	if w.serving, err = certs.NewServing(fmt.Sprintf("%s.%s.svc", w.service, w.namespace)); err != nil {
		return err
	}
	if w.create {
		if err := w.createObjects(ctx); err != nil {
			return err
		}
	}
	return w.keepUp(ctx)
}

func (w *webhook) parse(ctx context.Context, args []string) (context.Context, error) {
	flags := flag.NewFlagSet("webhook", flag.ContinueOnError)
	flags.StringVar(&w.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (required)")
	flags.StringVar(&w.service, "service", "", "Service that the configuration names (required)")
	flags.StringVar(&w.namespace, "namespace", "", "namespace of the Service (required)")
	flags.StringVar(&w.configuration, "configuration-name", "", "webhook configurations, mutating or validating (required)")
	flags.BoolVar(&w.create, "create", false, "create the Service and the configuration where they are missing")
	flags.StringVar(&w.failurePolicy, "failure-policy", "Fail", "failure policy of a configuration made by --create")
	flags.StringVar(&w.ignoreNamespaces, "ignore-namespaces", "kube-system,topolvm-system",
		"namespaces that a configuration made by --create leaves out")
	flags.StringVar(&w.rules, "rules", "", "file with what is answered at other paths than TopoLVM's")
	return standin.Parse(ctx, flags, args, "kubeconfig", "service", "namespace", "configuration-name")
}

// keepUp follows the Service and the configuration until the context ends: an upgrade of the chart that made them
// resets the trusted certificates.
func (w *webhook) keepUp(ctx context.Context) error {
	defer func() {
		if w.server != nil {
			w.server.close()
		}
	}()
	ready := false
	for {
		err := w.listen(ctx)
		if err == nil {
			err = w.trust(ctx)
		}
		if err != nil && ready && ctx.Err() == nil {
			klog.ErrorS(err, "Will try again")
		}
		if err == nil && !ready {
			ready = true
			if err := standin.PrintLine(map[string]any{"ready": true, "address": w.server.address}); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(interval):
		}
	}
}

func (w *webhook) ignored() []string { return strings.Split(w.ignoreNamespaces, ",") }
