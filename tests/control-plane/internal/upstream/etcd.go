package upstream

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/embed"

	"storagewhy.test/control-plane/internal/standin"
)

// Etcd is etcd with one argument, its configuration file. A file and not flags or fields, because the names of the
// fields differ between etcd 3.5 and 3.6 and the keys of the file do not.
func Etcd() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: control-plane etcd CONFIG-FILE")
		return 2
	}
	if err := runEtcd(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		return 1
	}
	return 0
}

func runEtcd(configFile string) error {
	ctx, stop := standin.SignalContext()
	defer stop()
	config, err := embed.ConfigFromFile(configFile)
	if err != nil {
		return err
	}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		server.Close()
		return nil
	case err := <-server.Err():
		return err
	}
}
