package serve

import "fmt"

// The arguments with which each component runs without a cluster around it.

func etcdArguments(l layout) []string { return []string{l.file("etcd.yaml")} }

// apiServerArguments leaves out two admission plugins: ServiceAccount (pods would need tokens) and
// TaintNodesByCondition (nodes would start with a taint that only a kubelet's cluster takes off). Since 1.37 an API
// server that is to publish its address as an endpoint does not start with a loopback one.
func apiServerArguments(l layout) []string {
	return []string{
		"--etcd-servers=" + l.etcdURL(),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", l.apiServerPort()),
		"--cert-dir=" + l.file("certs"),
		"--tls-cert-file=" + l.file("apiserver.crt"),
		"--tls-private-key-file=" + l.file("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.file("service-account.key"),
		"--service-account-signing-key-file=" + l.file("service-account.key"),
		"--token-auth-file=" + l.file("tokens.csv"),
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		"--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
		"--service-cluster-ip-range=" + l.serviceRange(),
		"--endpoint-reconciler-type=none",
	}
}

// controllerManagerArguments leaves out the controllers that would taint nodes without a kubelet's heartbeat and
// delete pods of nodes that are gone: tests describe such states and they must stay.
func controllerManagerArguments(l layout) []string {
	return []string{
		"--kubeconfig=" + l.kubeconfig(),
		"--controllers=*,-node-lifecycle-controller,-pod-garbage-collector-controller",
		"--leader-elect=false",
		"--pvclaimbinder-sync-period=2s",
		"--authentication-skip-lookup",
		"--bind-address=127.0.0.1",
		"--cert-dir=" + l.file("certs"),
		fmt.Sprintf("--secure-port=%d", l.controllerManagerPort()),
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	}
}

func schedulerArguments(l layout) []string {
	return []string{
		"--config=" + l.file("scheduler.yaml"),
		"--authentication-skip-lookup",
		"--bind-address=127.0.0.1",
		"--cert-dir=" + l.file("certs"),
		fmt.Sprintf("--secure-port=%d", l.schedulerPort()),
	}
}

func kubeletArguments(l layout) []string { return []string{"--kubeconfig=" + l.kubeconfig()} }
