#!/bin/sh
# Judges rendered manifests on small clusters: judge.sh TOOL FOLDER [CLUSTER…]
#
# FOLDER has a NAME.yaml for each chart, as `helm template` writes it. A row of a Markdown table comes out for each chart
# and cluster. Clusters: healthy, no-default (the class is not the default one), small (three nodes of 1 CPU and 1Gi),
# tainted (two of the three nodes are a pool for others), guarded (a quota of three claims and 20Gi, and pod security).
set -eu
tool=$1
folder=$2
shift 2
[ $# -gt 0 ] || set -- healthy no-default small tainted guarded
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cluster() {
    case $1 in
    healthy) cat "$here/cluster.yaml" ;;
    no-default) sed 's/is-default-class: "true"/is-default-class: "false"/' "$here/cluster.yaml" ;;
    small) sed 's/cpu: "8", memory: 32Gi/cpu: "1", memory: 1Gi/' "$here/cluster.yaml" ;;
    tainted)
        sed 's/taints: \[\]} # pool/taints: [{key: dedicated, value: db, effect: NoSchedule}]}/' "$here/cluster.yaml"
        ;;
    guarded)
        sed 's|level: none|pod-security.kubernetes.io/enforce: baseline|' "$here/cluster.yaml"
        cat <<'END'
- apiVersion: v1
  kind: ResourceQuota
  metadata: {name: team, namespace: default}
  spec: {hard: {requests.storage: 20Gi, persistentvolumeclaims: "3"}}
  status:
    hard: {requests.storage: 20Gi, persistentvolumeclaims: "3"}
    used: {requests.storage: "0", persistentvolumeclaims: "0"}
END
        ;;
    *)
        echo "no cluster is called $1" >&2
        exit 2
        ;;
    esac
}

for name in "$@"; do
    cluster "$name" >"$work/$name.yaml"
done
for file in "$folder"/*.yaml; do
    for name in "$@"; do
        code=0
        "$tool" preflight -f "$file" --from "$work/$name.yaml" --kube-version 1.36.2 >"$work/out" 2>"$work/err" || code=$?
        echo "| $(basename "$file" .yaml) | $name | $code | $(head -n 1 "$work/out") |"
    done
done
