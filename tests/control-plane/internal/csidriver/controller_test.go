package csidriver

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const key = "topology.topolvm.io/node"

func newController(t *testing.T, state string) *controller {
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file, []byte(state), 0o600); err != nil {
		t.Fatal(err)
	}
	return &controller{file: file}
}

func request(name, node string, size int64) *csi.CreateVolumeRequest {
	r := &csi.CreateVolumeRequest{Name: name, CapacityRange: &csi.CapacityRange{RequiredBytes: size}}
	if node != "" {
		r.AccessibilityRequirements = &csi.TopologyRequirement{Preferred: []*csi.Topology{on(node)}}
	}
	return r
}

func on(node string) *csi.Topology { return &csi.Topology{Segments: map[string]string{key: node}} }

func (c *controller) freeOn(t *testing.T, node string) int64 {
	response, err := c.GetCapacity(context.Background(), &csi.GetCapacityRequest{AccessibleTopology: on(node)})
	if err != nil {
		t.Fatal(err)
	}
	return response.AvailableCapacity
}

func TestVolumesTakeAndGiveBackSpace(t *testing.T) {
	ctx := context.Background()
	c := newController(t, `{"topologyKey":"`+key+`","nodes":{"a":{"free":10000},"b":{"free":20000}}}`)
	for range 2 { // the second call is the provisioner's retry
		made, err := c.CreateVolume(ctx, request("pvc-1", "a", 5000))
		if err != nil {
			t.Fatal(err)
		}
		if got := made.Volume.AccessibleTopology[0].Segments[key]; got != "a" || made.Volume.CapacityBytes != 8192 {
			t.Errorf("made %v", made.Volume)
		}
	}
	if got := c.freeOn(t, "a"); got != 10000-8192 {
		t.Errorf("free on a: %d", got)
	}
	if got := c.freeOn(t, "unknown"); got != 0 {
		t.Errorf("free on an unknown node: %d", got)
	}
	if _, err := c.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: "pvc-1"}); err != nil {
		t.Fatal(err)
	}
	if got := c.freeOn(t, "a"); got != 10000 {
		t.Errorf("free on a after deletion: %d", got)
	}
}

func TestRefusals(t *testing.T) {
	nodes := `"topologyKey":"` + key + `","nodes":{"a":{"free":8192}}`
	shared := request("v", "a", 1)
	shared.VolumeCapabilities = []*csi.VolumeCapability{{AccessMode: &csi.VolumeCapability_AccessMode{
		Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER}}}
	keyless := request("v", "", 1)
	keyless.AccessibilityRequirements = &csi.TopologyRequirement{Requisite: []*csi.Topology{{}}}
	for name, test := range map[string]struct {
		state   string
		request *csi.CreateVolumeRequest
		code    codes.Code
		message string
	}{
		"too big":          {`{` + nodes + `}`, request("v", "a", 8193), codes.ResourceExhausted, "no enough space left on VG: free=8192, requested=12288"},
		"nowhere":          {`{` + nodes + `}`, request("v", "", 8193), codes.ResourceExhausted, "can not find enough volume space 12288"},
		"shared":           {`{` + nodes + `}`, shared, codes.InvalidArgument, "unsupported access mode: MULTI_NODE_MULTI_WRITER"},
		"no topology key":  {`{` + nodes + `}`, keyless, codes.InvalidArgument, "cannot find key 'topology.topolvm.io/node' in accessibility_requirements"},
		"error by request": {`{` + nodes + `,"createError":{"code":"Internal","message":"no"}}`, request("v", "a", 1), codes.Internal, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newController(t, test.state).CreateVolume(context.Background(), test.request)
			if got := status.Convert(err); got.Code() != test.code || got.Message() != test.message {
				t.Errorf("got %s %q", got.Code(), got.Message())
			}
		})
	}
}
