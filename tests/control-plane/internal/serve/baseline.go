package serve

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// registry is the prefix of all the API server keeps in etcd.
const registry = "/registry/"

// events is the prefix of the events.
const events = registry + "events/"

// maxTxnOps is etcd's limit of operations per transaction, set in its configuration file.
const maxTxnOps = 2000

// heartbeats are keys by which components say that they live: not part of the baseline.
var heartbeats = []string{
	"/registry/leases/kube-system/",
	"/registry/masterleases/",
	"/registry/peerserverleases/",
}

// rewritten are keys whose status the API server keeps writing: not put back to an older value.
var rewritten = []string{
	"/registry/apiregistration.k8s.io/apiservices/",
	"/registry/flowschemas/",
	"/registry/prioritylevelconfigurations/",
}

// madeByControllers are keys that the controller manager writes soon after its start in a new cluster; a baseline
// taken before would take them for a test's.
var madeByControllers = []string{
	"/registry/serviceaccounts/default/default",
	"/registry/configmaps/default/kube-root-ca.crt",
	"/registry/serviceaccounts/kube-system/default",
	"/registry/configmaps/kube-system/kube-root-ca.crt",
}

// aggregatedRole is filled by the controller manager with the rules of other roles.
const aggregatedRole = "/registry/clusterroles/view"

// baseline is what etcd holds in a cluster that no test has touched.
type baseline struct {
	values map[string][]byte
}

func newEtcdClient(url string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints: []string{url}, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
		MaxCallSendMsgSize: 256 << 20,
	})
}

// takeBaseline reads all keys, once the controllers (if any run) have written theirs.
func takeBaseline(ctx context.Context, etcd *clientv3.Client, controllers bool) (*baseline, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		values, err := readRegistry(ctx, etcd)
		if err != nil {
			return nil, err
		}
		if !controllers || settled(values) {
			return &baseline{values: withoutEvents(values)}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the controller manager has not written its first objects: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// withoutEvents leaves out what components said while they started: a wiped cluster has no events.
func withoutEvents(values map[string][]byte) map[string][]byte {
	maps.DeleteFunc(values, func(key string, _ []byte) bool { return strings.HasPrefix(key, events) })
	return values
}

func settled(values map[string][]byte) bool {
	for _, key := range madeByControllers {
		if _, ok := values[key]; !ok {
			return false
		}
	}
	return bytes.Contains(values[aggregatedRole], []byte("persistentvolumeclaims"))
}

func readRegistry(ctx context.Context, etcd *clientv3.Client) (map[string][]byte, error) {
	response, err := etcd.Get(ctx, registry, clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	values := make(map[string][]byte, len(response.Kvs))
	for _, kv := range response.Kvs {
		values[string(kv.Key)] = kv.Value
	}
	return values, nil
}

// restore makes etcd hold the baseline again.
func (b *baseline) restore(ctx context.Context, etcd *clientv3.Client) error {
	current, err := readRegistry(ctx, etcd)
	if err != nil {
		return err
	}
	for ops := range slices.Chunk(b.difference(current), maxTxnOps) {
		if _, err := etcd.Txn(ctx).Then(ops...).Commit(); err != nil {
			return err
		}
	}
	return nil
}

// difference is what leads from the current keys back to the baseline.
func (b *baseline) difference(current map[string][]byte) []clientv3.Op {
	var ops []clientv3.Op
	for key := range current {
		if _, ok := b.values[key]; !ok && !under(key, heartbeats) {
			ops = append(ops, clientv3.OpDelete(key))
		}
	}
	for key, value := range b.values {
		if under(key, heartbeats) {
			continue
		}
		now, exists := current[key]
		if !exists || (!bytes.Equal(now, value) && !under(key, rewritten)) {
			ops = append(ops, clientv3.OpPut(key, string(value)))
		}
	}
	return ops
}

func under(key string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}
