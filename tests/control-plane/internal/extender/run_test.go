package extender

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
)

func TestFilter(t *testing.T) {
	r := &rules{Fail: map[string]string{"a": "full"}, Unresolvable: map[string]string{"b": "never"}, Lost: []string{"c"}}
	names := []string{"a", "b", "c", "d"}
	nodes := &corev1.NodeList{}
	for _, name := range names {
		nodes.Items = append(nodes.Items, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	byName := r.filter(extenderv1.ExtenderArgs{NodeNames: &names})
	if len(*byName.NodeNames) != 1 || (*byName.NodeNames)[0] != "d" {
		t.Errorf("kept %v", *byName.NodeNames)
	}
	byNode := r.filter(extenderv1.ExtenderArgs{Nodes: nodes})
	if len(byNode.Nodes.Items) != 1 || byNode.Nodes.Items[0].Name != "d" {
		t.Errorf("kept %v", byNode.Nodes.Items)
	}
	for _, result := range []*extenderv1.ExtenderFilterResult{byName, byNode} {
		got, _ := json.Marshal([]any{result.FailedNodes, result.FailedAndUnresolvableNodes})
		if want := `[{"a":"full"},{"b":"never"}]`; string(got) != want {
			t.Errorf("reasons %s, want %s", got, want)
		}
	}
	if got := (&rules{Error: "broken"}).filter(extenderv1.ExtenderArgs{NodeNames: &names}); got.Error != "broken" {
		t.Errorf("error %q", got.Error)
	}
}
