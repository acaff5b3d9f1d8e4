package csidriver

import (
	"encoding/json"
	"os"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// state is the driver's storage, as the file holds it. The driver writes it back when it makes or deletes a volume.
type state struct {
	TopologyKey       string            `json:"topologyKey"`
	Nodes             map[string]*node  `json:"nodes"`
	MaximumVolumeSize int64             `json:"maximumVolumeSize,omitempty"`
	CreateError       *fault            `json:"createError,omitempty"`
	CapacityError     *fault            `json:"capacityError,omitempty"`
	Volumes           map[string]volume `json:"volumes,omitempty"`
}

// node is one topology segment and the bytes it has left.
type node struct {
	Free int64 `json:"free"`
}

// volume is one that the driver made, under the name the provisioner gave it.
type volume struct {
	Node string `json:"node"`
	Size int64  `json:"size"`
}

// fault is an error to answer with; its code is a name as gRPC writes it, such as Internal.
type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *fault) err() error {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		if code.String() == f.Code {
			return status.Error(code, f.Message)
		}
	}
	return status.Errorf(codes.Unknown, "%s (the state names an unknown code %q)", f.Message, f.Code)
}

func readState(file string) (*state, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &state{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	if s.Volumes == nil {
		s.Volumes = map[string]volume{}
	}
	return s, nil
}

// write replaces the file at once, so that no reader sees half of it.
func (s *state) write(file string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
