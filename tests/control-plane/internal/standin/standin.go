// Package standin holds what all our own commands share: how they end, how they reach the API server, and how they
// say that they are ready.
package standin

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// SignalContext ends on SIGTERM and SIGINT.
func SignalContext() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
}

// Parse reads a stand-in's flags, adding the one that all have: --stop-on-stdin-eof. With it the context that Parse
// returns also ends when stdin closes, so a test that is killed leaves nothing behind.
func Parse(ctx context.Context, flags *flag.FlagSet, args []string, required ...string) (context.Context, error) {
	stopOnEOF := flags.Bool("stop-on-stdin-eof", false, "end when stdin closes")
	if err := flags.Parse(args); err != nil {
		return ctx, err
	}
	for _, name := range required {
		if flags.Lookup(name).Value.String() == "" {
			return ctx, fmt.Errorf("--%s is required", name)
		}
	}
	if !*stopOnEOF {
		return ctx, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, nil
}

// Config reads a kubeconfig for a client that is not slowed down by its own rate limit.
func Config(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 500, 1000
	return config, nil
}

// Client is a client for what kubeconfig names.
func Client(kubeconfig string) (kubernetes.Interface, error) {
	config, err := Config(kubeconfig)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// PrintLine writes one line of JSON to stdout.
func PrintLine(value any) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}
