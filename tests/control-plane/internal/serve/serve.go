// Package serve runs a whole control plane on loopback ports and answers commands about it on stdin.
package serve

import (
	"context"

	"k8s.io/component-base/version"

	"storagewhy.test/control-plane/internal/standin"
)

// readyLine is the first line on stdout.
type readyLine struct {
	Ready        bool   `json:"ready"`
	Kubeconfig   string `json:"kubeconfig"`
	Version      string `json:"version"`
	Server       string `json:"server"`
	ServiceRange string `json:"serviceRange"`
}

// Run is the command `serve`: it starts the cluster, says so, and obeys stdin until the context ends.
func Run(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := readLines(func() {
		if o.stopOnStdinEOF {
			cancel()
		}
	})
	c, err := startCluster(ctx, o)
	if err != nil {
		return err
	}
	defer c.stop()
	if err := standin.PrintLine(readyLine{
		Ready: true, Kubeconfig: c.kubeconfig(), Version: version.Get().GitVersion,
		Server: c.apiServerURL(), ServiceRange: c.serviceRange(),
	}); err != nil {
		return err
	}
	return c.obey(ctx, lines)
}
