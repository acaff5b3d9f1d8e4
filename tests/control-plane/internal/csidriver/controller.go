package csidriver

import (
	"context"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	defaultSize = 1 << 30
	sectorSize  = 4096
)

// controller makes and deletes volumes in the state file.
type controller struct {
	csi.UnimplementedControllerServer
	mutex sync.Mutex
	file  string
}

// ControllerGetCapabilities implements csi.ControllerServer.
func (c *controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	response := &csi.ControllerGetCapabilitiesResponse{}
	for _, kind := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_GET_CAPACITY,
	} {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: kind}},
		})
	}
	return response, nil
}

// GetCapacity implements csi.ControllerServer.
func (c *controller) GetCapacity(_ context.Context, request *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	s, err := readState(c.file)
	if err != nil {
		return nil, err
	}
	if s.CapacityError != nil {
		return nil, s.CapacityError.err()
	}
	response := &csi.GetCapacityResponse{AvailableCapacity: s.free(request.GetAccessibleTopology())}
	if s.MaximumVolumeSize != 0 {
		response.MaximumVolumeSize = wrapperspb.Int64(s.MaximumVolumeSize)
	}
	return response, nil
}

// free is what a segment has left, 0 for one that the state does not know; without a segment it is all there is.
func (s *state) free(segment *csi.Topology) int64 {
	var sum int64
	for name, node := range s.Nodes {
		if segment == nil || segment.GetSegments()[s.TopologyKey] == name {
			sum += node.Free
		}
	}
	return sum
}

// CreateVolume implements csi.ControllerServer. Asked again for a volume that exists, it answers the same.
func (c *controller) CreateVolume(_ context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	s, err := readState(c.file)
	if err != nil {
		return nil, err
	}
	made, exists := s.Volumes[request.GetName()]
	if !exists {
		if made, err = s.create(request); err != nil {
			return nil, err
		}
		s.Volumes[request.GetName()] = made
		if err := s.write(c.file); err != nil {
			return nil, err
		}
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId: request.GetName(), CapacityBytes: made.Size, VolumeContext: request.GetParameters(),
		AccessibleTopology: []*csi.Topology{{Segments: map[string]string{s.TopologyKey: made.Node}}},
	}}, nil
}

// create chooses the node, takes the bytes from it, and refuses what TopoLVM refuses, in its words.
func (s *state) create(request *csi.CreateVolumeRequest) (volume, error) {
	if s.CreateError != nil {
		return volume{}, s.CreateError.err()
	}
	for _, capability := range request.GetVolumeCapabilities() {
		mode := capability.GetAccessMode().GetMode()
		if mode != csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER {
			return volume{}, status.Errorf(codes.InvalidArgument, "unsupported access mode: %s", mode)
		}
	}
	size := roundedSize(request.GetCapacityRange().GetRequiredBytes())
	name, err := s.choose(request.GetAccessibilityRequirements(), size)
	if err != nil {
		return volume{}, err
	}
	chosen, known := s.Nodes[name]
	if !known {
		return volume{}, status.Errorf(codes.NotFound, "no volume group on node %s", name)
	}
	if chosen.Free < size {
		return volume{}, status.Errorf(codes.ResourceExhausted,
			"no enough space left on VG: free=%d, requested=%d", chosen.Free, size)
	}
	chosen.Free -= size
	return volume{Node: name, Size: size}, nil
}

// choose is the first preferred node, or without requirements the one with most space.
func (s *state) choose(requirements *csi.TopologyRequirement, size int64) (string, error) {
	if requirements == nil {
		best := ""
		for name, node := range s.Nodes {
			if node.Free >= size && (best == "" || node.Free > s.Nodes[best].Free) {
				best = name
			}
		}
		if best == "" {
			return "", status.Errorf(codes.ResourceExhausted, "can not find enough volume space %d", size)
		}
		return best, nil
	}
	for _, segment := range append(requirements.GetPreferred(), requirements.GetRequisite()...) {
		if name, ok := segment.GetSegments()[s.TopologyKey]; ok {
			return name, nil
		}
	}
	return "", status.Errorf(codes.InvalidArgument, "cannot find key '%s' in accessibility_requirements", s.TopologyKey)
}

func roundedSize(bytes int64) int64 {
	if bytes == 0 {
		return defaultSize
	}
	return (bytes + sectorSize - 1) / sectorSize * sectorSize
}

// DeleteVolume implements csi.ControllerServer, and gives the bytes back.
func (c *controller) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	s, err := readState(c.file)
	if err != nil {
		return nil, err
	}
	deleted, exists := s.Volumes[request.GetVolumeId()]
	if !exists {
		return &csi.DeleteVolumeResponse{}, nil
	}
	delete(s.Volumes, request.GetVolumeId())
	if node, known := s.Nodes[deleted.Node]; known {
		node.Free += deleted.Size
	}
	return &csi.DeleteVolumeResponse{}, s.write(c.file)
}
