package webhook

import (
	"context"
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func class(name, provisioner string, parameters map[string]string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner, Parameters: parameters}
}

func claim(name, class, size string, phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "vault"}}
	c.Spec.StorageClassName = &class
	if size != "" {
		c.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	}
	c.Status.Phase = phase
	return c
}

func pod(claims ...string) *corev1.Pod {
	p := &corev1.Pod{}
	p.Spec.Containers = []corev1.Container{{Name: "c"}}
	for _, name := range claims {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}})
	}
	return p
}

func TestPatch(t *testing.T) {
	m := &mutator{client: fake.NewClientset(
		class("lvm", driver, nil),
		class("ssd", driver, map[string]string{deviceClassKey: "ssd"}),
		class("other", "example.com", nil),
		claim("data", "lvm", "1Gi", corev1.ClaimPending),
		claim("audit", "lvm", "", corev1.ClaimPending),
		claim("fast", "ssd", "2Gi", corev1.ClaimPending),
		claim("bound", "lvm", "1Gi", corev1.ClaimBound),
		claim("foreign", "other", "1Gi", corev1.ClaimPending),
	)}
	limited := pod("data")
	limited.Annotations = map[string]string{"a": "b"}
	limited.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1")}
	marks := `{"op":"add","path":"/spec/containers/0/resources/requests","value":{"topolvm.io/capacity":"1"}},` +
		`{"op":"add","path":"/spec/containers/0/resources/limits","value":{"topolvm.io/capacity":"1"}}`
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"claims of one class are summed, and one without a size counts as 1 GiB": {pod("data", "audit"),
			`[` + marks + `,{"op":"add","path":"/metadata/annotations","value":{"capacity.topolvm.io/00default":"2147483648"}}]`},
		"device classes are kept apart": {pod("data", "fast"), `[` + marks +
			`,{"op":"add","path":"/metadata/annotations","value":{"capacity.topolvm.io/00default":"1073741824","capacity.topolvm.io/ssd":"2147483648"}}]`},
		"what the pod has is kept": {limited,
			`[{"op":"add","path":"/spec/containers/0/resources/requests","value":{"topolvm.io/capacity":"1"}},` +
				`{"op":"add","path":"/spec/containers/0/resources/limits/topolvm.io~1capacity","value":"1"},` +
				`{"op":"add","path":"/metadata/annotations","value":{"a":"b","capacity.topolvm.io/00default":"1073741824"}}]`},
		"a bound claim leaves the pod untouched":  {pod("data", "bound"), `null`},
		"another driver's claim":                  {pod("foreign"), `null`},
		"a missing claim contributes nothing":     {pod("absent"), `null`},
		"no volumes at all leave a pod untouched": {pod(), `null`},
	} {
		t.Run(name, func(t *testing.T) {
			sums, err := m.capacities(context.Background(), "vault", test.pod)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := json.Marshal(patch(test.pod, sums))
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
