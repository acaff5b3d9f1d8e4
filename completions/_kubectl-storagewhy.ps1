
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'kubectl-storagewhy' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'kubectl-storagewhy'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'kubectl-storagewhy' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('diagnose', 'diagnose', [CompletionResultType]::ParameterValue, 'Explain why pods don''t schedule and claims don''t bind')
            [CompletionResult]::new('preflight', 'preflight', [CompletionResultType]::ParameterValue, 'Tell whether manifests would be admitted, their pods placed and their claims bound')
            [CompletionResult]::new('webhooks', 'webhooks', [CompletionResultType]::ParameterValue, 'Show the admission webhooks that see new pods and claims, and what is wrong with them')
            [CompletionResult]::new('storageclasses', 'storageclasses', [CompletionResultType]::ParameterValue, 'Show the storage classes, what stands behind them, and what is wrong with them')
            [CompletionResult]::new('sc', 'sc', [CompletionResultType]::ParameterValue, 'Show the storage classes, what stands behind them, and what is wrong with them')
            [CompletionResult]::new('capacity', 'capacity', [CompletionResultType]::ParameterValue, 'Show what is free by class and topology segment, and how much more fits')
            [CompletionResult]::new('collect', 'collect', [CompletionResultType]::ParameterValue, 'Write a redacted snapshot that every command reads with --from')
            [CompletionResult]::new('rules', 'rules', [CompletionResultType]::ParameterValue, 'List the causes that can be told')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Show a rule''s page: what it means, how it is recognised, its look-alikes, how to repair it')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Write a completion script for a shell')
            [CompletionResult]::new('__complete', '__complete', [CompletionResultType]::ParameterValue, 'Answer kubectl''s question for completions')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'kubectl-storagewhy;diagnose' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace; by default the context''s, and every one of a dump')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace; by default the context''s, and every one of a dump')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only pods and claims with these labels, such as app=vault or ''tier in (db,cache)''')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Only pods and claims with these labels, such as app=vault or ''tier in (db,cache)''')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input')
            [CompletionResult]::new('--example', '--example', [CompletionResultType]::ParameterName, 'Read an example that is built in: topolvm')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The kubeconfig cluster')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The kubeconfig user')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'A bearer token')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to impersonate (can be repeated)')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'The UID to impersonate')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'A file with the server''s certificate authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'A file with a client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A file with the client certificate''s key')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name that the server''s certificate must have')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]')
            [CompletionResult]::new('--kube-version', '--kube-version', [CompletionResultType]::ParameterName, 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server''s')
            [CompletionResult]::new('--scheduler-config', '--scheduler-config', [CompletionResultType]::ParameterName, 'The scheduler''s KubeSchedulerConfiguration: profiles, plugins, extenders')
            [CompletionResult]::new('--rules', '--rules', [CompletionResultType]::ParameterName, 'A folder of rules of your own; by default storagewhy/rules in $XDG_CONFIG_HOME or ~/.config, if it is there')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Every namespace')
            [CompletionResult]::new('--all-namespaces', '--all-namespaces', [CompletionResultType]::ParameterName, 'Every namespace')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Trust any certificate of the server')
            [CompletionResult]::new('--risks', '--risks', [CompletionResultType]::ParameterName, 'Tell as well what can be lost: data, claims and classes, and by which command or event')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all facts of each cause, and whole error texts')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all facts of each cause, and whole error texts')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'End with 0 whatever the report says')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;preflight' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Files and folders of manifests; - is standard input')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Files and folders of manifests; - is standard input')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'A folder with a kustomization.yaml, for kustomize or kubectl (can be repeated)')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'A folder with a kustomization.yaml, for kustomize or kubectl (can be repeated)')
            [CompletionResult]::new('--chart', '--chart', [CompletionResultType]::ParameterName, 'A Helm chart, for helm')
            [CompletionResult]::new('--release', '--release', [CompletionResultType]::ParameterName, 'The name of the chart''s release')
            [CompletionResult]::new('--values', '--values', [CompletionResultType]::ParameterName, 'A file with values for the chart (can be repeated)')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'A value for the chart (can be repeated)')
            [CompletionResult]::new('--api-versions', '--api-versions', [CompletionResultType]::ParameterName, 'Something that the server serves, for charts that ask, such as batch/v1/CronJob (can be repeated)')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of documents that name none [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of documents that name none [default: the context''s]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input')
            [CompletionResult]::new('--example', '--example', [CompletionResultType]::ParameterName, 'Read an example that is built in: topolvm')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The kubeconfig cluster')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The kubeconfig user')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'A bearer token')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to impersonate (can be repeated)')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'The UID to impersonate')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'A file with the server''s certificate authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'A file with a client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A file with the client certificate''s key')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name that the server''s certificate must have')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]')
            [CompletionResult]::new('--kube-version', '--kube-version', [CompletionResultType]::ParameterName, 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server''s')
            [CompletionResult]::new('--scheduler-config', '--scheduler-config', [CompletionResultType]::ParameterName, 'The scheduler''s KubeSchedulerConfiguration: profiles, plugins, extenders')
            [CompletionResult]::new('--replicas', '--replicas', [CompletionResultType]::ParameterName, 'Try so many replicas of the workloads: how many fit, and what ends it')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Try claims of this size, such as 45Gi')
            [CompletionResult]::new('--class', '--class', [CompletionResultType]::ParameterName, 'Try claims of this class')
            [CompletionResult]::new('--delete', '--delete', [CompletionResultType]::ParameterName, 'Manifests of what is deleted before the others are applied (can be repeated)')
            [CompletionResult]::new('--prune-selector', '--prune-selector', [CompletionResultType]::ParameterName, 'Of that only what has these labels')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'Drain nodes in the end: does everything on them find a place again?')
            [CompletionResult]::new('--without-zone', '--without-zone', [CompletionResultType]::ParameterName, 'Lose the nodes of a zone in the end (can be repeated)')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'What ends the run with another code than 0')
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'A report of `preflight -o json`: what was wrong then does not count')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Read the folders in folders as well')
            [CompletionResult]::new('--recursive', '--recursive', [CompletionResultType]::ParameterName, 'Read the folders in folders as well')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Trust any certificate of the server')
            [CompletionResult]::new('--server-dry-run', '--server-dry-run', [CompletionResultType]::ParameterName, 'Ask the server about every document as well, as `kubectl apply --dry-run=server` does: this sends writes to it that are marked dry-run. Nothing is stored, but admission webhooks see them')
            [CompletionResult]::new('--prune', '--prune', [CompletionResultType]::ParameterName, 'In the end delete what kubectl applied to these namespaces and is in no manifest')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all facts of each cause, every document, and the way back of each step')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all facts of each cause, every document, and the way back of each step')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'End with 0 where something is blocked or can''t be known')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;webhooks' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input')
            [CompletionResult]::new('--example', '--example', [CompletionResultType]::ParameterName, 'Read an example that is built in: topolvm')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The kubeconfig cluster')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The kubeconfig user')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'A bearer token')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to impersonate (can be repeated)')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'The UID to impersonate')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'A file with the server''s certificate authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'A file with a client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A file with the client certificate''s key')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name that the server''s certificate must have')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]')
            [CompletionResult]::new('--kube-version', '--kube-version', [CompletionResultType]::ParameterName, 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server''s')
            [CompletionResult]::new('--scheduler-config', '--scheduler-config', [CompletionResultType]::ParameterName, 'The scheduler''s KubeSchedulerConfiguration: profiles, plugins, extenders')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Trust any certificate of the server')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all facts of each cause, and the way back of each step')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all facts of each cause, and the way back of each step')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'End with 0 whatever the report says')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;storageclasses' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input')
            [CompletionResult]::new('--example', '--example', [CompletionResultType]::ParameterName, 'Read an example that is built in: topolvm')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The kubeconfig cluster')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The kubeconfig user')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'A bearer token')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to impersonate (can be repeated)')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'The UID to impersonate')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'A file with the server''s certificate authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'A file with a client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A file with the client certificate''s key')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name that the server''s certificate must have')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]')
            [CompletionResult]::new('--kube-version', '--kube-version', [CompletionResultType]::ParameterName, 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server''s')
            [CompletionResult]::new('--scheduler-config', '--scheduler-config', [CompletionResultType]::ParameterName, 'The scheduler''s KubeSchedulerConfiguration: profiles, plugins, extenders')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Trust any certificate of the server')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all facts of each cause, and the way back of each step')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all facts of each cause, and the way back of each step')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'End with 0 whatever the report says')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;sc' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input')
            [CompletionResult]::new('--example', '--example', [CompletionResultType]::ParameterName, 'Read an example that is built in: topolvm')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The kubeconfig cluster')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The kubeconfig user')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'A bearer token')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to impersonate (can be repeated)')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'The UID to impersonate')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'A file with the server''s certificate authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'A file with a client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A file with the client certificate''s key')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name that the server''s certificate must have')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]')
            [CompletionResult]::new('--kube-version', '--kube-version', [CompletionResultType]::ParameterName, 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server''s')
            [CompletionResult]::new('--scheduler-config', '--scheduler-config', [CompletionResultType]::ParameterName, 'The scheduler''s KubeSchedulerConfiguration: profiles, plugins, extenders')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Trust any certificate of the server')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all facts of each cause, and the way back of each step')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all facts of each cause, and the way back of each step')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'End with 0 whatever the report says')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;capacity' {
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Count how many volumes of this size fit, such as 45Gi; by default the largest pending claim of each class')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace; by default the context''s, and every one of a dump')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace; by default the context''s, and every one of a dump')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input')
            [CompletionResult]::new('--example', '--example', [CompletionResultType]::ParameterName, 'Read an example that is built in: topolvm')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The kubeconfig cluster')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The kubeconfig user')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'A bearer token')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to impersonate (can be repeated)')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'The UID to impersonate')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'A file with the server''s certificate authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'A file with a client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A file with the client certificate''s key')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name that the server''s certificate must have')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Every namespace')
            [CompletionResult]::new('--all-namespaces', '--all-namespaces', [CompletionResultType]::ParameterName, 'Every namespace')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Trust any certificate of the server')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'End with 0 whatever the report says')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;collect' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'The file to write, compressed where it ends in .gz; by default standard output')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'The file to write, compressed where it ends in .gz; by default standard output')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'What else to leave out; names replaces the names of objects by pseudonyms')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace; by default the context''s, and every one of a dump')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace; by default the context''s, and every one of a dump')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input')
            [CompletionResult]::new('--example', '--example', [CompletionResultType]::ParameterName, 'Read an example that is built in: topolvm')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The kubeconfig cluster')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The kubeconfig user')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The address of the API server')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'A bearer token')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to impersonate (can be repeated)')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'The UID to impersonate')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'A file with the server''s certificate authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'A file with a client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A file with the client certificate''s key')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name that the server''s certificate must have')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Every namespace')
            [CompletionResult]::new('--all-namespaces', '--all-namespaces', [CompletionResultType]::ParameterName, 'Every namespace')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Trust any certificate of the server')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;rules' {
            [CompletionResult]::new('--from-dir', '--from-dir', [CompletionResultType]::ParameterName, 'A folder whose rules are listed as well; by default storagewhy/rules in $XDG_CONFIG_HOME or ~/.config')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Try the examples that rules of your own carry')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'kubectl-storagewhy;rules;test' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;rules;help' {
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Try the examples that rules of your own carry')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'kubectl-storagewhy;rules;help;test' {
            break
        }
        'kubectl-storagewhy;rules;help;help' {
            break
        }
        'kubectl-storagewhy;explain' {
            [CompletionResult]::new('--rules', '--rules', [CompletionResultType]::ParameterName, 'A folder of rules of your own; by default storagewhy/rules in $XDG_CONFIG_HOME or ~/.config, if it is there')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; auto is on a terminal, unless NO_COLOR is set')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;completion' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-storagewhy;__complete' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'kubectl-storagewhy;help' {
            [CompletionResult]::new('diagnose', 'diagnose', [CompletionResultType]::ParameterValue, 'Explain why pods don''t schedule and claims don''t bind')
            [CompletionResult]::new('preflight', 'preflight', [CompletionResultType]::ParameterValue, 'Tell whether manifests would be admitted, their pods placed and their claims bound')
            [CompletionResult]::new('webhooks', 'webhooks', [CompletionResultType]::ParameterValue, 'Show the admission webhooks that see new pods and claims, and what is wrong with them')
            [CompletionResult]::new('storageclasses', 'storageclasses', [CompletionResultType]::ParameterValue, 'Show the storage classes, what stands behind them, and what is wrong with them')
            [CompletionResult]::new('capacity', 'capacity', [CompletionResultType]::ParameterValue, 'Show what is free by class and topology segment, and how much more fits')
            [CompletionResult]::new('collect', 'collect', [CompletionResultType]::ParameterValue, 'Write a redacted snapshot that every command reads with --from')
            [CompletionResult]::new('rules', 'rules', [CompletionResultType]::ParameterValue, 'List the causes that can be told')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Show a rule''s page: what it means, how it is recognised, its look-alikes, how to repair it')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Write a completion script for a shell')
            [CompletionResult]::new('__complete', '__complete', [CompletionResultType]::ParameterValue, 'Answer kubectl''s question for completions')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'kubectl-storagewhy;help;diagnose' {
            break
        }
        'kubectl-storagewhy;help;preflight' {
            break
        }
        'kubectl-storagewhy;help;webhooks' {
            break
        }
        'kubectl-storagewhy;help;storageclasses' {
            break
        }
        'kubectl-storagewhy;help;capacity' {
            break
        }
        'kubectl-storagewhy;help;collect' {
            break
        }
        'kubectl-storagewhy;help;rules' {
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Try the examples that rules of your own carry')
            break
        }
        'kubectl-storagewhy;help;rules;test' {
            break
        }
        'kubectl-storagewhy;help;explain' {
            break
        }
        'kubectl-storagewhy;help;completion' {
            break
        }
        'kubectl-storagewhy;help;__complete' {
            break
        }
        'kubectl-storagewhy;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
