// Package extender is a stand-in for a scheduler extender, such as topolvm-scheduler: it answers by rules in a file.
package extender

import (
	"context"
	"encoding/json"
	"flag"
	"net"
	"net/http"
	"os"
	"slices"

	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"storagewhy.test/control-plane/internal/standin"
)

// rules say what happens to nodes, by their names.
type rules struct {
	// Fail are nodes that are refused, with the reason; preemption may still be tried on them.
	Fail map[string]string `json:"fail"`
	// Unresolvable are nodes that are refused, with the reason, where preemption would not help.
	Unresolvable map[string]string `json:"unresolvable"`
	// Lost are nodes that are in no list of the answer.
	Lost []string `json:"lost"`
	// Error is the answer's error, with which the scheduler gives up the attempt.
	Error string `json:"error"`
	// Status is the HTTP status to answer instead of anything else.
	Status int `json:"status"`
}

// Run is the command `extender`.
func Run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("extender", flag.ContinueOnError)
	address := flags.String("listen", "", "address to listen on (required)")
	file := flags.String("rules", "", "JSON file of the rules, read for every request (required)")
	ctx, err := standin.Parse(ctx, flags, args, "listen", "rules")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(*file)}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := standin.PrintLine(map[string]any{"ready": true, "address": listener.Addr().String()}); err != nil {
		return err
	}
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// handler filters under both names that configurations use for it: /filter, and /predicate as TopoLVM's do.
func handler(file string) http.Handler {
	mux := http.NewServeMux()
	serve := func(out http.ResponseWriter, in *http.Request) { serveFilter(out, in, file) }
	mux.HandleFunc("POST /filter", serve)
	mux.HandleFunc("POST /predicate", serve)
	mux.HandleFunc("POST /prioritize", servePrioritize)
	return mux
}

func serveFilter(out http.ResponseWriter, in *http.Request, file string) {
	var call extenderv1.ExtenderArgs
	if err := json.NewDecoder(in.Body).Decode(&call); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	r, err := readRules(file)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.Status != 0 {
		http.Error(out, http.StatusText(r.Status), r.Status)
		return
	}
	answer(out, r.filter(call))
}

// servePrioritize prefers no node.
func servePrioritize(out http.ResponseWriter, _ *http.Request) {
	answer(out, extenderv1.HostPriorityList{})
}

func readRules(file string) (*rules, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &rules{}
	return r, json.Unmarshal(text, r)
}

// filter answers in the form of the call: names when the scheduler takes us for nodeCacheCapable, else whole nodes.
func (r *rules) filter(call extenderv1.ExtenderArgs) *extenderv1.ExtenderFilterResult {
	if r.Error != "" {
		return &extenderv1.ExtenderFilterResult{Error: r.Error}
	}
	result := &extenderv1.ExtenderFilterResult{
		FailedNodes:                extenderv1.FailedNodesMap{},
		FailedAndUnresolvableNodes: extenderv1.FailedNodesMap{},
	}
	if call.NodeNames != nil {
		kept := slices.DeleteFunc(slices.Clone(*call.NodeNames), func(name string) bool { return r.refuses(name, result) })
		result.NodeNames = &kept
	}
	if call.Nodes != nil {
		result.Nodes = call.Nodes.DeepCopy()
		kept := result.Nodes.Items[:0]
		for _, node := range result.Nodes.Items {
			if !r.refuses(node.Name, result) {
				kept = append(kept, node)
			}
		}
		result.Nodes.Items = kept
	}
	return result
}

// refuses notes the reason, if there is one, and says whether the node is left out.
func (r *rules) refuses(node string, result *extenderv1.ExtenderFilterResult) bool {
	if reason, ok := r.Unresolvable[node]; ok {
		result.FailedAndUnresolvableNodes[node] = reason
		return true
	}
	if reason, ok := r.Fail[node]; ok {
		result.FailedNodes[node] = reason
		return true
	}
	return slices.Contains(r.Lost, node)
}

func answer(out http.ResponseWriter, value any) {
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(value)
}
