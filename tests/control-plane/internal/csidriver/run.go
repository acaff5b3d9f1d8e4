// Package csidriver is a CSI driver whose storage is a JSON file: enough of one for csi-provisioner to publish capacity
// and to provision volumes. It answers as TopoLVM does.
package csidriver

import (
	"context"
	"flag"
	"net"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"

	"storagewhy.test/control-plane/internal/standin"
)

// Run is the command `csi-driver`.
func Run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("csi-driver", flag.ContinueOnError)
	socket := flags.String("socket", "", "unix socket to listen on (required)")
	file := flags.String("state", "", "JSON file of the storage, read for every request (required)")
	name := flags.String("name", "topolvm.io", "name of the driver")
	ctx, err := standin.Parse(ctx, flags, args, "socket", "state")
	if err != nil {
		return err
	}
	if err := os.Remove(*socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", *socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, &identity{name: *name})
	csi.RegisterControllerServer(server, &controller{file: *file})
	go func() {
		<-ctx.Done()
		server.Stop()
	}()
	if err := standin.PrintLine(map[string]any{"ready": true, "socket": *socket}); err != nil {
		return err
	}
	return server.Serve(listener)
}
