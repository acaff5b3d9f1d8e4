package serve

import (
	"flag"
	"fmt"
	"strings"
)

// options are the flags of `serve`.
type options struct {
	dataDir             string
	portBase            int
	schedulerConfig     string
	noScheduler         bool
	noControllerManager bool
	kubelet             bool
	stopOnStdinEOF      bool
	tokens              tokenList
}

func parseOptions(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.StringVar(&o.dataDir, "data-dir", "", "directory for everything the cluster writes (required)")
	flags.IntVar(&o.portBase, "port-base", 0, "first of the ten ports to use (required)")
	flags.StringVar(&o.schedulerConfig, "scheduler-config", "", "KubeSchedulerConfiguration; what is missing for this cluster is filled in")
	flags.BoolVar(&o.noScheduler, "no-scheduler", false, "start without a scheduler")
	flags.BoolVar(&o.noControllerManager, "no-controller-manager", false, "start without a controller manager")
	flags.BoolVar(&o.kubelet, "kubelet", false, "start with the stand-in kubelet")
	flags.BoolVar(&o.stopOnStdinEOF, "stop-on-stdin-eof", false, "end when stdin closes")
	flags.Var(&o.tokens, "token", "TOKEN=USER[,GROUP...], one more user; may be repeated")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if o.dataDir == "" || o.portBase <= 0 {
		return nil, fmt.Errorf("--data-dir and --port-base are required")
	}
	return o, nil
}

// token is a user who authenticates with a bearer token.
type token struct {
	secret, user string
	groups       []string
}

// tokenList is the repeated flag --token.
type tokenList []token

// String is for package flag.
func (l *tokenList) String() string { return fmt.Sprintf("%d tokens", len(*l)) }

// Set takes one TOKEN=USER[,GROUP...].
func (l *tokenList) Set(value string) error {
	secret, identity, found := strings.Cut(value, "=")
	names := strings.Split(identity, ",")
	if !found || secret == "" || names[0] == "" {
		return fmt.Errorf("want TOKEN=USER[,GROUP...], got %q", value)
	}
	*l = append(*l, token{secret: secret, user: names[0], groups: names[1:]})
	return nil
}
