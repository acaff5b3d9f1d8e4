package serve

import (
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestSchedulerConfigIsCompletedNotReplaced(t *testing.T) {
	given := "profiles: [{schedulerName: mine}]\nclientConnection: {qps: 7}\nleaderElection: {leaderElect: true}\n"
	got, err := completeSchedulerConfig([]byte(given), "/k")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"apiVersion":"kubescheduler.config.k8s.io/v1","clientConnection":{"burst":1000,"kubeconfig":"/k","qps":7},` +
		`"kind":"KubeSchedulerConfiguration","leaderElection":{"leaderElect":true},"profiles":[{"schedulerName":"mine"}]}`
	if json, _ := yaml.YAMLToJSON(got); string(json) != want {
		t.Errorf("got  %s\nwant %s", json, want)
	}
}

func TestTokens(t *testing.T) {
	var tokens tokenList
	if err := tokens.Set("s=alice,dev,ops"); err != nil {
		t.Fatal(err)
	}
	if got, want := string(tokenFile(tokens)), "s,alice,alice,\"dev,ops\"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{"s", "=alice", "s="} {
		if tokens.Set(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestDifferenceLeadsBackToTheBaseline(t *testing.T) {
	b := &baseline{values: map[string][]byte{
		"/registry/namespaces/default":              []byte("default"),
		"/registry/clusterroles/view":               []byte("view"),
		"/registry/pods/kube-system/kept":           []byte("kept"),
		"/registry/flowschemas/exempt":              []byte("old"),
		"/registry/leases/kube-system/apiserver-x":  []byte("old"),
		"/registry/leases/kube-system/apiserver-no": []byte("ended"),
	}}
	var got []string
	for _, op := range b.difference(map[string][]byte{
		"/registry/namespaces/default":             []byte("relabelled"),
		"/registry/pods/kube-system/kept":          []byte("kept"),
		"/registry/pods/default/a":                 []byte("a"),
		"/registry/flowschemas/exempt":             []byte("new"),
		"/registry/leases/kube-system/apiserver-x": []byte("new"),
		"/registry/leases/kube-system/apiserver-y": []byte("y"),
	}) {
		got = append(got, string(op.KeyBytes())+"="+string(op.ValueBytes()))
	}
	slices.Sort(got)
	want := []string{"/registry/clusterroles/view=view", "/registry/namespaces/default=default", "/registry/pods/default/a="}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestClustersSideBySideHaveOwnServiceAddresses(t *testing.T) {
	first, second := layout{portBase: 21000}, layout{portBase: 21010}
	if first.serviceRange() == second.serviceRange() {
		t.Errorf("both have %s", first.serviceRange())
	}
}
