use super::placed::{Stuck, node_of, node_ref, stuck, unread, volume_ref, wait_fact};
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk};
use crate::diagnosis::text::capital;
use crate::model::Kind;
use crate::model::selector::Requirement;
use crate::volumes::AttachProblem;
use crate::volumes::migration::translate;

crate::rules::declare_rule! {
    static RULE = {
        name: "volume-out-of-reach",
        summary: "A pod was placed on a node from which its volume can't be reached.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [PersistentVolumeClaim, PersistentVolume],
        stage: Obstacle,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume]));
    for stuck in stuck(cx, out) {
        if let AttachProblem::NodeAffinity { volume } = stuck.problem {
            out.add(finding(cx, &stuck, volume));
        }
    }
}

fn finding(cx: &Context<'_>, stuck: &Stuck<'_, '_>, volume: &str) -> Finding {
    let unmet = unmet(cx, stuck, volume);
    let why = unmet
        .first()
        .map_or_else(String::new, |(wanted, present)| format!(": it asks for {wanted}, and the node has {present}"));
    let title = format!(
        "{} can't be reached from node {}, where pod {} was placed{why}",
        capital(&stuck.volume(cx)),
        stuck.node(),
        stuck.case.pod.metadata.name
    );
    let mut finding = RULE.finding(stuck.pod(), title);
    finding.evidence.extend(unmet.iter().flat_map(|(wanted, present)| -> [Evidence; 2] {
        let object = volume_ref(cx, stuck.case, volume);
        let asked = Context::fact(
            object,
            "spec.nodeAffinity",
            wanted.clone(),
            "the nodes from which the volume can be reached",
        );
        [asked, Context::fact(node_ref(stuck.node()), "metadata.labels", present.clone(), "what the node has instead")]
    }));
    finding.evidence.push(wait_fact(stuck.case));
    let finding = finding.explains(stuck.pod());
    if stuck.case.pod.metadata.controller().is_none() {
        return finding;
    }
    let pod = stuck.pod();
    let change = Change::RecreatePods { namespace: pod.namespace.clone(), names: vec![pod.name.clone()] };
    let step = cx.step(
        format!("Delete pod {}; the scheduler looks at its volumes when it places the new one", pod.name),
        change,
    );
    finding.remedy(Remedy::new("Have the pod placed anew", Risk::Low, vec![step]))
}

/// What the volume's first term asks for and what the node has, where these differ.
fn unmet(cx: &Context<'_>, stuck: &Stuck<'_, '_>, volume: &str) -> Vec<(String, String)> {
    let (Some(volume), Some(node)) = (cx.snapshot.volumes.get("", volume).found(), node_of(cx, stuck.case)) else {
        return Vec::new();
    };
    let twin = translate(volume).and_then(|twin| twin.node_affinity);
    let affinity = twin.as_ref().or(volume.required_node_affinity());
    let labels = &node.metadata.labels;
    let requirements = affinity.into_iter().flat_map(|affinity| affinity.node_selector_terms.iter().take(1));
    let requirements = requirements.flat_map(|term| &term.match_expressions);
    let unmet = requirements.filter(|requirement| !requirement.matches_label(labels));
    unmet
        .map(|requirement| {
            let present = labels.get(&requirement.key);
            let present = present.map_or_else(
                || format!("no label {}", requirement.key),
                |value| format!("{}={value}", requirement.key),
            );
            (wanted(requirement), present)
        })
        .collect()
}

fn wanted(requirement: &Requirement) -> String {
    let Requirement { key, operator, values } = requirement;
    match (operator.as_str(), values.as_slice()) {
        ("In", [value]) => format!("{key}={value}"),
        (operator, values) => format!("{key} {operator} [{}]", values.join(", ")),
    }
}
