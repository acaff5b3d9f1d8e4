use crate::admission::expand::ephemeral_claims;
use crate::diagnosis::context::{Context, PodGroup, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::{Claim, Kind, ObjectRef, Pod};
use crate::scheduler::Fact;
use crate::scheduler::obstacle::ClaimTrouble;

crate::rules::declare_rule! {
    static RULE = {
        name: "ephemeral-claim-taken",
        summary: "A pod's ephemeral volume needs a claim under a name that another claim has.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, PersistentVolumeClaim],
        rejected_pods: true,
        stage: Cause,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    for group in cx.blocked() {
        for obstacle in &cx.in_the_way(group).of_pod {
            if let Fact::Claim { claim, trouble: ClaimTrouble::NotOwned { owner } } = &obstacle.fact {
                out.add(finding(cx, group, claim, owner.as_ref()));
            }
        }
    }
}

fn finding(cx: &Context<'_>, group: &PodGroup<'_>, name: &str, owner: Option<&ObjectRef>) -> Finding {
    let pod = group.lead();
    let object = ObjectRef::new(Kind::PersistentVolumeClaim, &pod.metadata.namespace, name);
    let volume = pod.spec.volumes.iter().find(|volume| volume.claim_name(&pod.metadata.name).as_deref() == Some(name));
    let volume = volume.map_or("", |volume| volume.name.as_str());
    let whose = match owner {
        None => "was made by somebody else".to_owned(),
        Some(owner) if *owner == pod_ref(pod) => "belongs to an earlier pod of this name".to_owned(),
        Some(owner) => format!("belongs to {} {}", owner.kind, owner.name),
    };
    let title = format!(
        "Pod {} can't be scheduled: its ephemeral volume {volume} makes its own claim under the name {name}, and the \
         claim of that name {whose}",
        pod.metadata.name
    );
    let mut finding = RULE.finding(object.clone(), title).evidence(
        object.clone(),
        "metadata.ownerReferences",
        owner.map_or_else(|| "no controller".to_owned(), ToString::to_string),
        "the claim of an ephemeral volume is controlled by its pod, by uid",
    );
    let path = "spec.volumes[*].ephemeral";
    let note = "the claim of an ephemeral volume is called POD-VOLUME";
    finding = finding.evidence(pod_ref(pod), path, volume, note);
    let Some(claim) = cx.snapshot.claims.get(&object.namespace, name).found() else {
        return finding.explains_all(group.objects());
    };
    finding
        .explains_all(group.objects())
        .explains_all((!claim.fully_bound()).then(|| claim_ref(claim)))
        .with_remedies(remedies(cx, pod, claim))
}

fn remedies(cx: &Context<'_>, pod: &Pod, claim: &Claim) -> [Remedy; 2] {
    let name = claim.metadata.name.clone();
    let own = ephemeral_claims(pod).into_iter().filter(|own| own.metadata.name == name);
    let made = own.filter_map(|own| {
        let object = serde_json::to_value(own).ok()?;
        Some(Change::Create { kind: Kind::PersistentVolumeClaim, object, ask: None })
    });
    let what = format!("Where nobody needs the data of claim {name}, delete it: the pod gets its own, empty");
    let (kind, namespace) = (Kind::PersistentVolumeClaim, claim.metadata.namespace.clone());
    let step = cx.step(what, Change::Delete { kind, namespace, name: name.clone() }).leading_to(made.collect());
    let rename = Step::told(format!("Call the pod or its volume otherwise, so that POD-VOLUME is not {name}"));
    let reason = "which name is free for it is for you to say";
    [
        Remedy::new("Make room for the pod's own claim", Risk::High, vec![step]),
        Remedy::untried("Use another name", Risk::Low, vec![rename], reason),
    ]
}
