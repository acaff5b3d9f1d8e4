use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::out::Out;
use crate::diagnosis::text::names;
use crate::model::pod::DEFAULT_SCHEDULER;
use crate::scheduler::running;

crate::rules::declare_rule! {
    static RULE = {
        name: "scheduler-config-unknown",
        summary: "kube-scheduler runs with a configuration or feature gates that were not given to the tool.",
        severity: Info,
        since: "0.1.0",
        needs: [Pod],
        stage: Wait,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let judged = cx.pods.iter().any(|case| case.pod.spec.scheduler() == DEFAULT_SCHEDULER);
    if cx.options.scheduler_config.is_some() || !judged {
        return;
    }
    for scheduler in running(cx.snapshot) {
        let Some(flags) = scheduler.flags.as_ref().filter(|flags| !flags.is_empty()) else { continue };
        let title = format!(
            "Pod {} runs kube-scheduler with {}, and the verdicts assume the defaults",
            scheduler.pod.metadata.name,
            names(flags)
        );
        let path = format!("spec.containers[{}].command", scheduler.container);
        let note = "give the file that --config names with --scheduler-config; feature gates can't be given";
        let finding = RULE.finding(pod_ref(scheduler.pod), title);
        out.add(finding.evidence(pod_ref(scheduler.pod), path, flags.join(" "), note));
        return;
    }
}
