#!/bin/sh
# Makes src/preflight/manifests/strict/fields.txt anew. Needs Go and its module proxy.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp main.go "$work"
all=""
for version in ${VERSIONS:-0.29.15 0.30.14 0.31.14 0.32.13 0.33.13 0.34.4 0.35.10 0.36.2 0.37.2}; do
	minor=${version#0.}
	minor=${minor%%.*}
	printf 'module storagewhy.dev/field-table\n\ngo 1.26.0\n\nrequire k8s.io/client-go v%s\n' "$version" >"$work/go.mod"
	(cd "$work" && go mod tidy >tidy.log 2>&1 && go run . dump >"$minor.txt")
	all="$all $minor=$work/$minor.txt"
done
# shellcheck disable=SC2086
(cd "$work" && go run . merge $all) >../../src/preflight/manifests/strict/fields.txt
