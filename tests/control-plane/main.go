// Command control-plane is a Kubernetes control plane for tests in one binary: etcd, the API server, the controller
// manager, the scheduler and kubectl, and stand-ins for what a cluster has besides (kubelet, webhook, scheduler
// extender, CSI driver). Its first argument, or the name it was started by, says which of them it is.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"storagewhy.test/control-plane/internal/csidriver"
	"storagewhy.test/control-plane/internal/extender"
	"storagewhy.test/control-plane/internal/kubelet"
	"storagewhy.test/control-plane/internal/serve"
	"storagewhy.test/control-plane/internal/standin"
	"storagewhy.test/control-plane/internal/upstream"
	"storagewhy.test/control-plane/internal/webhook"
)

// upstreamCommands are other projects' programs: they read os.Args and return an exit code.
var upstreamCommands = map[string]func() int{
	"etcd":                    upstream.Etcd,
	"kube-apiserver":          upstream.APIServer,
	"kube-controller-manager": upstream.ControllerManager,
	"kube-scheduler":          upstream.Scheduler,
	"kubectl":                 upstream.Kubectl,
}

// ownCommands run until their context ends.
var ownCommands = map[string]func(ctx context.Context, args []string) error{
	"serve":      serve.Run,
	"kubelet":    kubelet.Run,
	"webhook":    webhook.Run,
	"extender":   extender.Run,
	"csi-driver": csidriver.Run,
}

func main() {
	if filepath.Base(os.Args[0]) != "kubectl" {
		if len(os.Args) < 2 {
			fail(usage())
		}
		os.Args = os.Args[1:]
	}
	name := filepath.Base(os.Args[0])
	if run, ok := upstreamCommands[name]; ok {
		os.Exit(run())
	}
	run, ok := ownCommands[name]
	if !ok {
		fail(usage())
	}
	ctx, stop := standin.SignalContext()
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fail(fmt.Sprintf("control-plane %s: %v", name, err))
	}
}

func usage() string {
	var names []string
	for name := range upstreamCommands {
		names = append(names, name)
	}
	for name := range ownCommands {
		names = append(names, name)
	}
	slices.Sort(names)
	return "usage: control-plane {" + strings.Join(names, "|") + "} [flags]"
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
