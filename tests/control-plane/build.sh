#!/usr/bin/env bash
# Builds the control plane for tests and the tools around it. See README.md for what each of them is.
#
# usage: build.sh [--all | --control-plane | --provisioner | --helm | --1.33 | --1.34 | --1.35 | --1.36]...
# Without arguments: control-plane, provisioner and helm. Output: $STORAGEWHY_CONTROL_PLANE_DIR/bin
# (target/control-plane/bin of this repository). What is up to date is not built again.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${STORAGEWHY_CONTROL_PLANE_DIR:-$(dirname "$(dirname "$here")")/target/control-plane}
bin=$out/bin
stamps=$out/stamps

# stamp DIR FILE...: a hash of all that a build reads.
stamp() {
  { go version && cat "$here/build.sh" && find "$@" -type f \( -name '*.go' -o -name go.mod -o -name go.sum \) \
    -not -name '*_test.go' | LC_ALL=C sort | xargs sha256sum | sed "s|$here/||"; } | sha256sum
}

# build NAME STAMP DIR ARGUMENT...: runs `go build` in DIR, unless bin/NAME was built from the same sources.
build() {
  local name=$1 stamp=$2 dir=$3
  shift 3
  if [[ -x $bin/$name && $(cat "$stamps/$name" 2>/dev/null) == "$stamp" ]]; then
    echo "$name: up to date"
    return
  fi
  echo "$name: building (the first time downloads modules and takes minutes)"
  (cd "$dir" && GOFLAGS=-mod=readonly go build -o "$bin/$name.new" "$@")
  mv "$bin/$name.new" "$bin/$name"
  echo "$stamp" >"$stamps/$name"
}

# control_plane NAME MODFILE: the version is what the module file says, as the modules do not know their own.
control_plane() {
  local name=$1 modfile=$2 version package=k8s.io/component-base/version
  version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' "$here/$modfile")
  IFS=. read -r major minor _ <<<"${version#v}"
  build "$name" "$(stamp "$here/main.go" "$here/internal" "$here/$modfile" "$here/${modfile%.mod}.sum")" "$here" \
    -modfile="$modfile" \
    -ldflags "-s -w -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor" .
}

# module NAME DIR PACKAGE: a program of another project, pinned by the module in DIR.
module() {
  build "$1" "$(stamp "$here/$2")" "$here/$2" -ldflags "-s -w" "$3"
}

make_target() {
  case $1 in
    --control-plane) control_plane control-plane go.mod && ln -sfn control-plane "$bin/kubectl" ;;
    --provisioner) module csi-provisioner provisioner github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner ;;
    --helm) module helm helm helm.sh/helm/v3/cmd/helm ;;
    --1.3[3456]) control_plane "control-plane-${1#--}" "versions/v${1#--}/go.mod" ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
  esac
}

if ! command -v go >/dev/null; then
  echo "Go is missing: install Go $(awk '$1 == "go" { print $2 }' "$here/go.mod") or later (https://go.dev/dl/) and put it on PATH." >&2
  exit 1
fi
mkdir -p "$bin" "$stamps"
if [[ $# -eq 0 ]]; then
  set -- --control-plane --provisioner --helm
elif [[ $1 == --all ]]; then
  set -- --control-plane --provisioner --helm --1.33 --1.34 --1.35 --1.36
fi
for target in "$@"; do
  make_target "$target"
done
