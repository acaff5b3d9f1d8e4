//! Facts from files: our own snapshots, `kubectl get` output, folders and archives of such files, stdin.
