//! Blocked pods that ask for an extended resource which no node offers and which their template doesn't ask for.

use std::collections::BTreeMap;

use crate::admission::difference::extended_requests;
use crate::admission::injector::topolvm_domain;
use crate::admission::{InjectedResource, Injectors, injected_resources, injectors};
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::text::{count, names};
use crate::model::{Kind, ObjectRef, Pod};

use crate::rules::topolvm::extender::{left_to_extender, offered};
use crate::rules::topolvm::webhook_off::{configuration, owner_words};

/// Pods that ask for one injected resource, with those who may have added it.
pub(in crate::rules) struct Case<'c, 'a> {
    pub(in crate::rules) injection: InjectedResource,
    pub(in crate::rules) injectors: Injectors,
    pub(in crate::rules) groups: Vec<&'c PodGroup<'a>>,
    /// Whether the template says that the pod itself doesn't ask; else it is known from the resource or the webhook.
    pub(in crate::rules) proven: bool,
}

impl Case<'_, '_> {
    /// The pods that wait.
    pub(in crate::rules) fn victims(&self) -> Vec<ObjectRef> {
        self.groups.iter().flat_map(|group| group.objects()).collect()
    }

    /// The pod that stands for all.
    pub(in crate::rules) fn lead(&self) -> &Pod {
        self.groups[0].lead()
    }

    /// The driver whose scheduler extender the resource is meant for, where that is TopoLVM's.
    pub(in crate::rules) fn topolvm(&self) -> Option<&'static str> {
        topolvm_domain(&self.injection.resource)
    }
}

/// Every such case: one for each resource and set of webhooks.
pub(in crate::rules) fn cases<'c, 'a>(cx: &'c Context<'a>) -> Vec<Case<'c, 'a>> {
    let mut cases: BTreeMap<(String, Vec<String>), Case<'c, 'a>> = BTreeMap::new();
    for group in cx.blocked() {
        for (injection, proven) in unserved(cx, group.lead()) {
            let injectors = injectors(cx.snapshot, group.lead(), &injection.resource);
            if !proven && injection_is_a_guess(&injection, &injectors) {
                continue;
            }
            let by = match &injectors {
                Injectors::Some(list) => list.iter().map(|injector| injector.webhook.clone()).collect(),
                Injectors::None => vec!["none".to_owned()],
                Injectors::Unknown => vec!["unknown".to_owned()],
            };
            let case = cases.entry((injection.resource.clone(), by)).or_insert_with(|| Case {
                injection,
                injectors,
                groups: Vec::new(),
                proven,
            });
            case.groups.push(group);
        }
    }
    cases.into_values().collect()
}

/// Without a template to compare with, only TopoLVM's resource or a webhook of the same name tells of an injection.
fn injection_is_a_guess(injection: &InjectedResource, injectors: &Injectors) -> bool {
    topolvm_domain(&injection.resource).is_none() && !injectors.list().iter().any(|injector| injector.named)
}

/// The resources that the pod asks for, its template doesn't, and no node offers; and whether the template is known.
fn unserved(cx: &Context<'_>, pod: &Pod) -> Vec<(InjectedResource, bool)> {
    let (found, proven) = match cx.template(pod) {
        Some(source) => (injected_resources(source.spec, &pod.spec), true),
        None => (extended_requests(&pod.spec), false),
    };
    let mut seen = std::collections::BTreeSet::new();
    found
        .into_iter()
        .filter(|injection| !offered(cx, &injection.resource) && !left_to_extender(cx, &injection.resource))
        .filter(|injection| seen.insert(injection.resource.clone()))
        .map(|injection| (injection, proven))
        .collect()
}

/// The facts that every such case has: the request, the template without it, and the nodes without the resource.
pub(in crate::rules) fn with_request_facts(cx: &Context<'_>, case: &Case<'_, '_>, finding: Finding) -> Finding {
    let (pod, injection) = (case.lead(), &case.injection);
    let template = cx.template(pod).map(|source| source.kind.name());
    let note = match template {
        Some(kind) => format!("the pod asks for it; the template of its {kind} does not, so admission added it"),
        None => "the pod asks for it".to_owned(),
    };
    let nodes = cx.snapshot.nodes.seen();
    let finding = finding.evidence(
        pod_ref(pod),
        injection.path.clone(),
        format!("{}: {}", injection.resource, injection.quantity),
        note,
    );
    match nodes.first() {
        Some(node) => finding.evidence(
            ObjectRef::new(Kind::Node, "", &node.metadata.name),
            "status.allocatable",
            format!("no {}", injection.resource),
            format!("none of the {} offers it", count(nodes.len(), "node")),
        ),
        None => finding,
    }
}

/// The facts about the webhooks that may have added the resource.
pub(in crate::rules) fn with_webhook_facts(cx: &Context<'_>, case: &Case<'_, '_>, mut finding: Finding) -> Finding {
    let mut namespaces: Vec<&str> = case.groups.iter().map(|group| group.lead().metadata.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let namespaces = format!("namespace{} {}", if namespaces.len() == 1 { "" } else { "s" }, names(&namespaces));
    for injector in case.injectors.list() {
        let note = match &injector.doubt {
            None => format!("is called for new pods of {namespaces}"),
            Some(doubt) => format!("may be called for new pods of {namespaces}: {doubt}"),
        };
        let path = format!("webhooks[{}]", injector.position);
        finding = finding.evidence(configuration(&injector.configuration), path, injector.webhook.clone(), note);
        let meta = cx.snapshot.meta(Kind::MutatingWebhookConfiguration, "", &injector.configuration);
        if let Some((owner, chart)) = meta.and_then(|meta| owner_words(cx, meta)) {
            let note = match chart.as_str() {
                "" => "owns the webhook".to_owned(),
                chart => format!("owns the webhook, by chart {chart}"),
            };
            finding = finding.evidence(configuration(&injector.configuration), "metadata", owner, note);
        }
    }
    finding
}
