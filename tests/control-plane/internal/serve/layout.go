package serve

import (
	"fmt"
	"net"
	"path/filepath"
)

// layout says where a cluster's files and ports are; all of it follows from the data directory and the port base.
type layout struct {
	dir      string
	portBase int
}

func (l layout) file(name string) string { return filepath.Join(l.dir, name) }

func (l layout) etcdPort() int              { return l.portBase }
func (l layout) etcdPeerPort() int          { return l.portBase + 1 }
func (l layout) apiServerPort() int         { return l.portBase + 2 }
func (l layout) controllerManagerPort() int { return l.portBase + 3 }
func (l layout) schedulerPort() int         { return l.portBase + 4 }

func (l layout) etcdURL() string      { return fmt.Sprintf("http://127.0.0.1:%d", l.etcdPort()) }
func (l layout) apiServerURL() string { return secureURL(l.apiServerPort(), "") }

func (l layout) kubeconfig() string { return l.file("kubeconfig") }

// serviceRange gives Services addresses on loopback, where a webhook's stand-in can listen. Clusters side by side get
// different ones, as their port bases are at least ten apart.
func (l layout) serviceRange() string {
	return fmt.Sprintf("127.%d.0.0/16", 64+l.portBase/10%128)
}

// checkPorts fails when another program listens on one of the ports: its answers would be taken for ours.
func (l layout) checkPorts() error {
	for port := l.etcdPort(); port <= l.schedulerPort(); port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return fmt.Errorf("choose another --port-base: %w", err)
		}
		_ = listener.Close()
	}
	return nil
}

func secureURL(port int, path string) string {
	return fmt.Sprintf("https://127.0.0.1:%d%s", port, path)
}
