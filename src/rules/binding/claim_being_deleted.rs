use super::deletion_stuck::by_hand;
use crate::admission::expand::{ordinal_of, stateful_set_claims};
use crate::diagnosis::command::describe;
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, either, named, names};
use crate::model::claim::PROTECTION;
use crate::model::{Claim, Kind, Meta, ObjectRef, Pod, Volume};

crate::rules::declare_rule! {
    static RULE = {
        name: "claim-being-deleted",
        summary: "Pods need a claim that is being deleted and that something still keeps.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, PersistentVolumeClaim],
        reads: [PersistentVolume, Node, StatefulSet, Event],
        stage: Cause,
        check: check,
    }
}

/// What waits for the claim to go.
struct Waiting<'a> {
    pods: Vec<&'a Pod>,
    /// The set that can't make its pod, with the pod's name.
    unmade: Option<(ObjectRef, String)>,
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    for claim in cx.snapshot.claims.seen().iter().filter(|claim| claim.metadata.deleting()) {
        let pods: Vec<&Pod> = cx.pods.iter().map(|case| case.pod).filter(|pod| uses(pod, claim)).collect();
        let waiting = Waiting { pods, unmade: unmade(cx, claim) };
        if waiting.pods.is_empty() && waiting.unmade.is_none() {
            out.skip(cx.unread(&[Kind::StatefulSet, Kind::Event]));
        } else {
            out.add(finding(cx, claim, &waiting));
        }
    }
}

/// The StatefulSet that says that it can't make a pod before the claim is gone
/// (`pkg/controller/statefulset/stateful_pod_control.go`, createPersistentVolumeClaims).
fn unmade(cx: &Context<'_>, claim: &Claim) -> Option<(ObjectRef, String)> {
    let meta = &claim.metadata;
    let sets = cx.shortfalls.iter().filter(|one| one.kind == Kind::StatefulSet && one.meta.namespace == meta.namespace);
    let words = format!("pvc {} is being deleted", meta.name);
    let mut found = sets.filter_map(|shortfall| {
        let (namespace, name) = (&shortfall.meta.namespace, &shortfall.meta.name);
        let set = cx.snapshot.stateful_sets.get(namespace, name).found()?;
        let makes = |pod: &&String| {
            let claims = ordinal_of(name, pod).map(|ordinal| stateful_set_claims(set, ordinal)).unwrap_or_default();
            claims.iter().any(|made| made.metadata.name == meta.name)
        };
        let pod = shortfall.missing.iter().find(makes)?;
        let object = ObjectRef::new(Kind::StatefulSet, namespace, name);
        let events = cx.events_of(&object).into_iter();
        let says = events.filter(|event| event.reason == "FailedCreate").any(|event| event.message.contains(&words));
        says.then(|| (object, pod.clone()))
    });
    found.next()
}

fn uses(pod: &Pod, claim: &Claim) -> bool {
    pod.metadata.namespace == claim.metadata.namespace && pod.names_claim(&claim.metadata.name)
}

fn finding(cx: &Context<'_>, claim: &Claim, waiting: &Waiting<'_>) -> Finding {
    let meta = &claim.metadata;
    let in_namespace = cx.snapshot.pods.in_namespace(&meta.namespace).iter().map(|pod| &**pod);
    let holders: Vec<&Pod> =
        in_namespace.filter(|pod| (pod.assigned() || pod.finished()) && uses(pod, claim)).collect();
    let held_by: Vec<&str> = holders.iter().map(|pod| pod.metadata.name.as_str()).collect();
    let others: Vec<&str> = meta.finalizers.iter().map(String::as_str).filter(|name| *name != PROTECTION).collect();
    let kept = match (held_by.as_slice(), others.as_slice()) {
        ([], []) => String::new(),
        ([], others) => format!(", is kept by finalizer {}", names(others)),
        (pods, _) => {
            let ended = if holders.iter().all(|pod| pod.finished()) {
                either(pods.len(), ", which has ended,", ", which have ended,")
            } else {
                ""
            };
            format!(", is kept because {}{ended} still {} it", named("pod", pods), either(pods.len(), "uses", "use"))
        }
    };
    let blocked = blocked(waiting);
    let title = format!("Claim {} is being deleted{kept}, and no new pod may use it: {blocked}", meta.name);
    let since = meta.deletion_timestamp.clone().unwrap_or_default();
    let mut finding = RULE.finding(claim_ref(claim), capital(&title)).evidence(
        claim_ref(claim),
        "metadata.deletionTimestamp",
        since,
        "it goes once nothing keeps it, and a deletion can't be taken back",
    );
    for holder in &holders {
        let note = "it uses the claim; one that has ended counts until it is deleted";
        finding = finding.evidence(pod_ref(holder), "status.phase", holder.status.phase.clone(), note);
    }
    let object = claim_ref(claim);
    finding.evidence.extend(others.iter().filter_map(|name| owner_of_finalizer(cx, &object, name)));
    finding = with_volume(cx, claim, finding);
    let orphaned = holders.is_empty() && others.iter().any(|name| owner_of_finalizer(cx, &object, name).is_some());
    let but = "what its owner would have done is not done";
    finding
        .explains_all(waiting.pods.iter().map(|pod| pod_ref(pod)))
        .explains_all(
            waiting.unmade.iter().flat_map(|(set, pod)| [set.clone(), ObjectRef::new(Kind::Pod, &set.namespace, pod)]),
        )
        .with_remedies(remedies(cx, claim, &holders, waiting))
        .with_remedies(orphaned.then(|| by_hand(&object, meta, but)).flatten())
}

/// What does not come about meanwhile.
fn blocked(waiting: &Waiting<'_>) -> String {
    let pods: Vec<&str> = waiting.pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
    let placed = format!("{} {} not placed", named("pod", &pods), either(pods.len(), "is", "are"));
    let unmade = waiting.unmade.as_ref().map(|(set, pod)| format!("StatefulSet {} can't make pod {pod}", set.name));
    let parts = Some(placed).filter(|_| !pods.is_empty()).into_iter().chain(unmade);
    parts.collect::<Vec<_>>().join(", and ")
}

/// That no workload is called after the domain of a finalizer, so that nothing may be there to take it off.
pub(super) fn owner_of_finalizer(cx: &Context<'_>, object: &ObjectRef, finalizer: &str) -> Option<Evidence> {
    let domain =
        finalizer.split_once('/').map(|(domain, _)| domain).filter(|domain| !domain.ends_with("kubernetes.io"))?;
    let word = domain.rsplit('.').nth(1)?;
    if cx.unread_anywhere(&[Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::Pod]).is_some() {
        return None;
    }
    let snapshot = cx.snapshot;
    let workloads = [&snapshot.deployments, &snapshot.stateful_sets, &snapshot.daemon_sets];
    let called =
        |meta: &Meta| meta.namespace != object.namespace && (meta.name.contains(word) || meta.namespace.contains(word));
    let there = workloads.into_iter().flat_map(|store| store.seen()).any(|workload| called(&workload.metadata))
        || snapshot.pods.seen().iter().any(|pod| called(&pod.metadata));
    (!there).then(|| {
        let note = format!(
            "no workload of another namespace is called after {word}: whoever takes this finalizer off may be gone"
        );
        Context::fact(object.clone(), "metadata.finalizers", finalizer, note)
    })
}

/// What becomes of the data when the claim goes.
pub(super) fn with_volume(cx: &Context<'_>, claim: &Claim, finding: Finding) -> Finding {
    let Some(volume) = cx.snapshot.volumes.get("", &claim.spec.volume_name).found() else { return finding };
    let policy = volume.spec.persistent_volume_reclaim_policy.as_str();
    let note = match policy {
        "Delete" => "the volume and its data go with the claim: set it to Retain first where they matter",
        _ => "the volume and its data stay when the claim goes",
    };
    let object = ObjectRef::new(Kind::PersistentVolume, "", &volume.metadata.name);
    let finding = finding.evidence(object.clone(), "spec.persistentVolumeReclaimPolicy", policy, note);
    match out_of_reach(cx, volume) {
        Some(place) => {
            let note = "no node is there on which the volume can be used: whoever would clean it up is gone with it";
            finding.evidence(object, "spec.nodeAffinity", place, note)
        }
        None => finding,
    }
}

/// Where a volume is, where none of the nodes is there.
fn out_of_reach(cx: &Context<'_>, volume: &Volume) -> Option<String> {
    let affinity = volume.required_node_affinity()?;
    let nodes = cx.snapshot.nodes.all().filter(|nodes| !nodes.is_empty())?;
    if nodes.iter().any(|node| affinity.matches(&node.metadata.name, &node.metadata.labels)) {
        return None;
    }
    let terms = affinity.node_selector_terms.iter().flat_map(|term| &term.match_expressions);
    let terms: Vec<String> = terms.map(|term| format!("{} in ({})", term.key, term.values.join(", "))).collect();
    Some(terms.join("; "))
}

fn remedies(cx: &Context<'_>, claim: &Claim, holders: &[&Pod], waiting: &Waiting<'_>) -> Option<Remedy> {
    let mut steps = Vec::new();
    let volume = cx.snapshot.volumes.get("", &claim.spec.volume_name).found();
    if let Some(volume) = volume.filter(|volume| volume.spec.persistent_volume_reclaim_policy == "Delete") {
        let object = (Kind::PersistentVolume, "", volume.metadata.name.as_str());
        let patch = serde_json::json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
        steps.push(cx.patch("Keep the data: have the volume outlive the claim", object, patch));
    }
    let ended: Vec<&&Pod> = holders.iter().filter(|pod| pod.finished()).collect();
    for pod in &ended {
        let (namespace, name) = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
        let what = format!("Delete pod {name}, which has ended, so that the claim can go");
        steps.push(cx.step(what, Change::Delete { kind: Kind::Pod, namespace, name }));
    }
    if ended.is_empty() {
        let command = describe(&claim_ref(claim));
        steps.push(Step { command, ..Step::told("See what else keeps it, and end that") });
    }
    steps.push(Step::told(match &waiting.unmade {
        Some((set, _)) => format!(
            "StatefulSet {} makes the claim anew once it is gone, with another volume; to have the data again, make the claim \
             before that, with the volume's name in it (spec.volumeName)",
            set.name
        ),
        None => "Make the claim anew once it is gone; name the volume in it (spec.volumeName) to have the data again"
            .to_owned(),
    }));
    let reason = "what is made anew, and with which data, is for you to say";
    Some(Remedy::untried("Let the claim go and make it anew", Risk::High, steps, reason))
}
