# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_kubectl_storagewhy_global_optspecs
    string join \n h/help V/version
end

function __fish_kubectl_storagewhy_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_kubectl_storagewhy_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_kubectl_storagewhy_using_subcommand
    set -l cmd (__fish_kubectl_storagewhy_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -s V -l version -d 'Print version'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "diagnose" -d 'Explain why pods don\'t schedule and claims don\'t bind'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "preflight" -d 'Tell whether manifests would be admitted, their pods placed and their claims bound'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "webhooks" -d 'Show the admission webhooks that see new pods and claims, and what is wrong with them'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "storageclasses" -d 'Show the storage classes, what stands behind them, and what is wrong with them'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "sc" -d 'Show the storage classes, what stands behind them, and what is wrong with them'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "capacity" -d 'Show what is free by class and topology segment, and how much more fits'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "collect" -d 'Write a redacted snapshot that every command reads with --from'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "rules" -d 'List the causes that can be told'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "explain" -d 'Show a rule\'s page: what it means, how it is recognised, its look-alikes, how to repair it'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "completion" -d 'Write a completion script for a shell'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "__complete" -d 'Answer kubectl\'s question for completions'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -s n -l namespace -d 'The namespace; by default the context\'s, and every one of a dump' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -s l -l selector -d 'Only pods and claims with these labels, such as app=vault or \'tier in (db,cache)\'' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l from -d 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l example -d 'Read an example that is built in: topolvm' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l kubeconfig -d 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l context -d 'The kubeconfig context' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l cluster -d 'The kubeconfig cluster' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l user -d 'The kubeconfig user' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -s s -l server -d 'The address of the API server' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l token -d 'A bearer token' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l as -d 'The user to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l as-group -d 'A group to impersonate (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l as-uid -d 'The UID to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l certificate-authority -d 'A file with the server\'s certificate authority' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l client-certificate -d 'A file with a client certificate' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l client-key -d 'A file with the client certificate\'s key' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l tls-server-name -d 'The name that the server\'s certificate must have' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l request-timeout -d 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l kube-version -d 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server\'s' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l scheduler-config -d 'The scheduler\'s KubeSchedulerConfiguration: profiles, plugins, extenders' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l rules -d 'A folder of rules of your own; by default storagewhy/rules in $XDG_CONFIG_HOME or ~/.config, if it is there' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -s o -l output -d 'The format of the report' -r -f -a "human\t'For people'
json\t'The command\'s document as JSON'
yaml\t'The same document as YAML'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -s A -l all-namespaces -d 'Every namespace'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l insecure-skip-tls-verify -d 'Trust any certificate of the server'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l risks -d 'Tell as well what can be lost: data, claims and classes, and by which command or event'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -s v -l verbose -d 'Show all facts of each cause, and whole error texts'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -l exit-zero -d 'End with 0 whatever the report says'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand diagnose" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -s f -l filename -d 'Files and folders of manifests; - is standard input' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -s k -l kustomize -d 'A folder with a kustomization.yaml, for kustomize or kubectl (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l chart -d 'A Helm chart, for helm' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l release -d 'The name of the chart\'s release' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l values -d 'A file with values for the chart (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l set -d 'A value for the chart (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l api-versions -d 'Something that the server serves, for charts that ask, such as batch/v1/CronJob (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -s n -l namespace -d 'The namespace of documents that name none [default: the context\'s]' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l from -d 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l example -d 'Read an example that is built in: topolvm' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l kubeconfig -d 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l context -d 'The kubeconfig context' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l cluster -d 'The kubeconfig cluster' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l user -d 'The kubeconfig user' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -s s -l server -d 'The address of the API server' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l token -d 'A bearer token' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l as -d 'The user to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l as-group -d 'A group to impersonate (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l as-uid -d 'The UID to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l certificate-authority -d 'A file with the server\'s certificate authority' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l client-certificate -d 'A file with a client certificate' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l client-key -d 'A file with the client certificate\'s key' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l tls-server-name -d 'The name that the server\'s certificate must have' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l request-timeout -d 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l kube-version -d 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server\'s' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l scheduler-config -d 'The scheduler\'s KubeSchedulerConfiguration: profiles, plugins, extenders' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l replicas -d 'Try so many replicas of the workloads: how many fit, and what ends it' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l size -d 'Try claims of this size, such as 45Gi' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l class -d 'Try claims of this class' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l delete -d 'Manifests of what is deleted before the others are applied (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l prune-selector -d 'Of that only what has these labels' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l drain -d 'Drain nodes in the end: does everything on them find a place again?' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l without-zone -d 'Lose the nodes of a zone in the end (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -s o -l output -d 'The format of the report' -r -f -a "human\t'For people'
json\t'The document as JSON'
yaml\t'The same document as YAML'
sarif\t'SARIF 2.1.0; ends with code 0 after a report'
junit\t'JUnit XML, a test case a document'
github\t'Annotations of GitHub Actions'
gitlab\t'GitLab\'s code quality report'
markdown\t'Markdown, for a comment on a pull request'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l fail-on -d 'What ends the run with another code than 0' -r -f -a "error\t'What is blocked'
warning\t'Warnings as well, and what can\'t be known'
unknown\t'What is blocked, and what can\'t be known'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l baseline -d 'A report of `preflight -o json`: what was wrong then does not count' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -s R -l recursive -d 'Read the folders in folders as well'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l insecure-skip-tls-verify -d 'Trust any certificate of the server'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l server-dry-run -d 'Ask the server about every document as well, as `kubectl apply --dry-run=server` does: this sends writes to it that are marked dry-run. Nothing is stored, but admission webhooks see them'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l prune -d 'In the end delete what kubectl applied to these namespaces and is in no manifest'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -s v -l verbose -d 'Show all facts of each cause, every document, and the way back of each step'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -l exit-zero -d 'End with 0 where something is blocked or can\'t be known'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand preflight" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l from -d 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l example -d 'Read an example that is built in: topolvm' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l kubeconfig -d 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l context -d 'The kubeconfig context' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l cluster -d 'The kubeconfig cluster' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l user -d 'The kubeconfig user' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -s s -l server -d 'The address of the API server' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l token -d 'A bearer token' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l as -d 'The user to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l as-group -d 'A group to impersonate (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l as-uid -d 'The UID to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l certificate-authority -d 'A file with the server\'s certificate authority' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l client-certificate -d 'A file with a client certificate' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l client-key -d 'A file with the client certificate\'s key' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l tls-server-name -d 'The name that the server\'s certificate must have' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l request-timeout -d 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l kube-version -d 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server\'s' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l scheduler-config -d 'The scheduler\'s KubeSchedulerConfiguration: profiles, plugins, extenders' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -s o -l output -d 'The format of the report' -r -f -a "human\t'For people'
json\t'The command\'s document as JSON'
yaml\t'The same document as YAML'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l insecure-skip-tls-verify -d 'Trust any certificate of the server'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -s v -l verbose -d 'Show all facts of each cause, and the way back of each step'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -l exit-zero -d 'End with 0 whatever the report says'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand webhooks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l from -d 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l example -d 'Read an example that is built in: topolvm' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l kubeconfig -d 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l context -d 'The kubeconfig context' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l cluster -d 'The kubeconfig cluster' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l user -d 'The kubeconfig user' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -s s -l server -d 'The address of the API server' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l token -d 'A bearer token' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l as -d 'The user to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l as-group -d 'A group to impersonate (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l as-uid -d 'The UID to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l certificate-authority -d 'A file with the server\'s certificate authority' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l client-certificate -d 'A file with a client certificate' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l client-key -d 'A file with the client certificate\'s key' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l tls-server-name -d 'The name that the server\'s certificate must have' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l request-timeout -d 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l kube-version -d 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server\'s' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l scheduler-config -d 'The scheduler\'s KubeSchedulerConfiguration: profiles, plugins, extenders' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -s o -l output -d 'The format of the report' -r -f -a "human\t'For people'
json\t'The command\'s document as JSON'
yaml\t'The same document as YAML'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l insecure-skip-tls-verify -d 'Trust any certificate of the server'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -s v -l verbose -d 'Show all facts of each cause, and the way back of each step'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -l exit-zero -d 'End with 0 whatever the report says'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand storageclasses" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l from -d 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l example -d 'Read an example that is built in: topolvm' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l kubeconfig -d 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l context -d 'The kubeconfig context' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l cluster -d 'The kubeconfig cluster' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l user -d 'The kubeconfig user' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -s s -l server -d 'The address of the API server' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l token -d 'A bearer token' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l as -d 'The user to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l as-group -d 'A group to impersonate (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l as-uid -d 'The UID to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l certificate-authority -d 'A file with the server\'s certificate authority' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l client-certificate -d 'A file with a client certificate' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l client-key -d 'A file with the client certificate\'s key' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l tls-server-name -d 'The name that the server\'s certificate must have' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l request-timeout -d 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l kube-version -d 'The Kubernetes release whose behaviour and texts to follow, such as 1.33; by default the server\'s' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l scheduler-config -d 'The scheduler\'s KubeSchedulerConfiguration: profiles, plugins, extenders' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -s o -l output -d 'The format of the report' -r -f -a "human\t'For people'
json\t'The command\'s document as JSON'
yaml\t'The same document as YAML'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l insecure-skip-tls-verify -d 'Trust any certificate of the server'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -s v -l verbose -d 'Show all facts of each cause, and the way back of each step'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -l exit-zero -d 'End with 0 whatever the report says'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand sc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l size -d 'Count how many volumes of this size fit, such as 45Gi; by default the largest pending claim of each class' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -s n -l namespace -d 'The namespace; by default the context\'s, and every one of a dump' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l from -d 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l example -d 'Read an example that is built in: topolvm' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l kubeconfig -d 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l context -d 'The kubeconfig context' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l cluster -d 'The kubeconfig cluster' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l user -d 'The kubeconfig user' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -s s -l server -d 'The address of the API server' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l token -d 'A bearer token' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l as -d 'The user to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l as-group -d 'A group to impersonate (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l as-uid -d 'The UID to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l certificate-authority -d 'A file with the server\'s certificate authority' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l client-certificate -d 'A file with a client certificate' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l client-key -d 'A file with the client certificate\'s key' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l tls-server-name -d 'The name that the server\'s certificate must have' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l request-timeout -d 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -s o -l output -d 'The format of the report' -r -f -a "human\t'For people'
json\t'The command\'s document as JSON'
yaml\t'The same document as YAML'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -s A -l all-namespaces -d 'Every namespace'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l insecure-skip-tls-verify -d 'Trust any certificate of the server'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -l exit-zero -d 'End with 0 whatever the report says'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand capacity" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -s f -l file -d 'The file to write, compressed where it ends in .gz; by default standard output' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l redact -d 'What else to leave out; names replaces the names of objects by pseudonyms' -r -f -a "names\t'The names of objects, namespaces and nodes, replaced by stable pseudonyms'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -s n -l namespace -d 'The namespace; by default the context\'s, and every one of a dump' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l from -d 'Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a must-gather, a support bundle; - is standard input' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l example -d 'Read an example that is built in: topolvm' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l kubeconfig -d 'The kubeconfig file, in place of KUBECONFIG and ~/.kube/config' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l context -d 'The kubeconfig context' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l cluster -d 'The kubeconfig cluster' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l user -d 'The kubeconfig user' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -s s -l server -d 'The address of the API server' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l token -d 'A bearer token' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l as -d 'The user to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l as-group -d 'A group to impersonate (can be repeated)' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l as-uid -d 'The UID to impersonate' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l certificate-authority -d 'A file with the server\'s certificate authority' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l client-certificate -d 'A file with a client certificate' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l client-key -d 'A file with the client certificate\'s key' -r -F
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l tls-server-name -d 'The name that the server\'s certificate must have' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l request-timeout -d 'The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -s A -l all-namespaces -d 'Every namespace'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -l insecure-skip-tls-verify -d 'Trust any certificate of the server'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand collect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and not __fish_seen_subcommand_from test help" -l from-dir -d 'A folder whose rules are listed as well; by default storagewhy/rules in $XDG_CONFIG_HOME or ~/.config' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and not __fish_seen_subcommand_from test help" -s o -l output -d 'The format of the report' -r -f -a "human\t'For people'
json\t'The command\'s document as JSON'
yaml\t'The same document as YAML'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and not __fish_seen_subcommand_from test help" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and not __fish_seen_subcommand_from test help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and not __fish_seen_subcommand_from test help" -f -a "test" -d 'Try the examples that rules of your own carry'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and not __fish_seen_subcommand_from test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and __fish_seen_subcommand_from test" -s o -l output -d 'The format of the report' -r -f -a "human\t'For people'
json\t'The command\'s document as JSON'
yaml\t'The same document as YAML'"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and __fish_seen_subcommand_from test" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "test" -d 'Try the examples that rules of your own carry'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand explain" -l rules -d 'A folder of rules of your own; by default storagewhy/rules in $XDG_CONFIG_HOME or ~/.config, if it is there' -r
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand explain" -l color -d 'When to use colour; auto is on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand __complete" -s h -l help -d 'Print help'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "diagnose" -d 'Explain why pods don\'t schedule and claims don\'t bind'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "preflight" -d 'Tell whether manifests would be admitted, their pods placed and their claims bound'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "webhooks" -d 'Show the admission webhooks that see new pods and claims, and what is wrong with them'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "storageclasses" -d 'Show the storage classes, what stands behind them, and what is wrong with them'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "capacity" -d 'Show what is free by class and topology segment, and how much more fits'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "collect" -d 'Write a redacted snapshot that every command reads with --from'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "rules" -d 'List the causes that can be told'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "explain" -d 'Show a rule\'s page: what it means, how it is recognised, its look-alikes, how to repair it'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "completion" -d 'Write a completion script for a shell'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "__complete" -d 'Answer kubectl\'s question for completions'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and not __fish_seen_subcommand_from diagnose preflight webhooks storageclasses capacity collect rules explain completion __complete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-storagewhy -n "__fish_kubectl_storagewhy_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "test" -d 'Try the examples that rules of your own carry'
