package serve

import (
	"encoding/csv"
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"storagewhy.test/control-plane/internal/certs"
)

// admin is the user of the kubeconfig's current context, and of our own components.
var admin = token{secret: "admin", user: "admin", groups: []string{"system:masters"}}

// writeFiles writes all that the components read, and leaves no etcd data of an earlier cluster.
func writeFiles(l layout, o *options) error {
	if err := os.RemoveAll(l.file("etcd")); err != nil {
		return err
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	serving, err := certs.NewServing("127.0.0.1", "localhost", "kubernetes.default.svc")
	if err != nil {
		return err
	}
	signingKey, err := certs.NewSigningKey()
	if err != nil {
		return err
	}
	users := append([]token{admin}, o.tokens...)
	contents := map[string][]byte{
		"apiserver.crt":       serving.Cert,
		"apiserver.key":       serving.Key,
		"service-account.key": signingKey,
		"tokens.csv":          tokenFile(users),
		"etcd.yaml":           etcdConfig(l),
	}
	for name, content := range contents {
		if err := os.WriteFile(l.file(name), content, 0o600); err != nil {
			return err
		}
	}
	return clientcmd.WriteToFile(kubeconfig(l, serving.CA, users), l.kubeconfig())
}

// tokenFile is the API server's --token-auth-file.
func tokenFile(users []token) []byte {
	var text strings.Builder
	out := csv.NewWriter(&text)
	for _, u := range users {
		_ = out.Write([]string{u.secret, u.user, u.user, strings.Join(u.groups, ",")})
	}
	out.Flush()
	return []byte(text.String())
}

// kubeconfig has one context per user, named as the user.
func kubeconfig(l layout, ca []byte, users []token) api.Config {
	config := api.NewConfig()
	config.CurrentContext = admin.user
	config.Clusters["test"] = &api.Cluster{Server: l.apiServerURL(), CertificateAuthorityData: ca}
	for _, u := range users {
		config.AuthInfos[u.user] = &api.AuthInfo{Token: u.secret}
		config.Contexts[u.user] = &api.Context{Cluster: "test", AuthInfo: u.user}
	}
	return *config
}

// etcdConfig is etcd's configuration file: no fsync, as the data need not outlive the machine, and transactions large
// enough to empty a cluster by few of them.
func etcdConfig(l layout) []byte {
	client := l.etcdURL()
	peer := fmt.Sprintf("http://127.0.0.1:%d", l.etcdPeerPort())
	return fmt.Appendf(nil, `name: test
data-dir: %s
listen-client-urls: %s
advertise-client-urls: %s
listen-peer-urls: %s
initial-advertise-peer-urls: %s
initial-cluster: test=%s
unsafe-no-fsync: true
max-txn-ops: %d
log-level: warn
`, l.file("etcd"), client, client, peer, peer, peer, maxTxnOps)
}
