//! Helm releases and Argo CD applications, and what of theirs they delete.

use serde_json::json;

use crate::diagnosis::command::argument;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::manager::{self, Mark};
use crate::diagnosis::remedy::{Manager, NOTHING_WAITS, Remedy, Risk, Step};
use crate::model::{Kind, Meta, ObjectRef};

/// Keeps an object when its release goes, where the release's own manifest has it. Argo CD reads it as well.
const POLICY: &str = "helm.sh/resource-policy";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// Objects that get a command of their own.
const COMMANDS: usize = 20;

/// What deletes an object together with others of its release or application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Remover {
    pub(super) manager: Manager,
    /// Whether the end of the release or application deletes the object.
    pub(super) end: bool,
    /// Whether the next change without the object deletes it.
    pub(super) change: bool,
    /// Whether only a label that others write as well says whose it is.
    pub(super) guessed: bool,
}

/// What deletes an object of this kind with its release or application, unless something keeps it.
pub(super) fn removers(cx: &Context<'_>, kind: Kind, meta: &Meta) -> Vec<Remover> {
    helm(meta).into_iter().chain(argo(cx, kind, meta)).filter(|remover| remover.end || remover.change).collect()
}

/// Helm's `pkg/action/resource_policy.go`: the value is trimmed and its case ignored.
fn kept(meta: &Meta) -> bool {
    meta.annotations.get(POLICY).is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}

fn helm(meta: &Meta) -> Option<Remover> {
    let manager = manager::helm(meta)?;
    let own = meta.labels.get(MANAGED_BY).is_some_and(|tool| tool == "Helm");
    (own && !kept(meta)).then_some(Remover { manager, end: true, change: true, guessed: false })
}

/// Argo CD deletes what its source has no more (unless `Prune=false`) and all with the application (unless `Delete=false`,
/// or Helm's policy; `controller/appcontroller.go`, shouldBeDeleted); with `confirm` it asks.
fn argo(cx: &Context<'_>, kind: Kind, meta: &Meta) -> Option<Remover> {
    let mark = manager::argo_mark(kind, meta);
    if mark == Mark::Copy || mark == Mark::None && !meta.owner_references.is_empty() {
        return None;
    }
    let manager = manager::argo(meta, cx.snapshot)?;
    let held = |option: &str| {
        let options = options(meta);
        ["false", "confirm"].iter().any(|value| options.contains(&format!("{option}={value}").as_str()))
    };
    let (end, change) = (!held("Delete") && !kept(meta), !held("Prune"));
    Some(Remover { manager, end, change, guessed: mark == Mark::None })
}

fn options(meta: &Meta) -> Vec<&str> {
    meta.annotations.get(SYNC_OPTIONS).map(|text| text.split(',').map(str::trim).collect()).unwrap_or_default()
}

impl Remover {
    /// The release or application as an object of a report.
    pub(super) fn object(&self) -> ObjectRef {
        let kind = if self.helm() { "Release" } else { "Application" };
        ObjectRef::other(kind, &self.manager.namespace, &self.manager.name)
    }

    fn helm(&self) -> bool {
        self.manager.tool == "Helm"
    }

    /// `uninstalling Helm release x`.
    pub(super) fn event(&self) -> String {
        let name = &self.manager.name;
        match (self.helm(), self.end, self.change) {
            (true, ..) => format!("uninstalling Helm release {name}"),
            (false, true, false) => format!("deleting Argo CD application {name}"),
            (false, true, true) => {
                format!("deleting Argo CD application {name}, or a sync of it that prunes what its source has no more,")
            }
            (false, false, _) => {
                format!("a sync of Argo CD application {name} that prunes what its source has no more")
            }
        }
    }

    /// Tells removers of the same release or application apart.
    pub(super) fn suffix(&self) -> String {
        let ways = match (self.end, self.change) {
            (true, true) => "",
            (true, false) => "/deletion",
            (false, _) => "/prune",
        };
        format!("{ways}{}", if self.guessed { "/guessed" } else { "" })
    }

    /// What the object lacks that would keep it.
    pub(super) fn fact(&self, object: ObjectRef, meta: &Meta) -> Evidence {
        if self.helm() {
            let value = meta.annotations.get(POLICY).map_or("none", String::as_str);
            let note = format!(
                "Helm release {} owns it (meta.helm.sh/release-name); without keep it goes at helm uninstall, and at an \
                 upgrade whose chart has it no more",
                self.manager.name
            );
            return Context::fact(object, &format!("metadata.annotations[{POLICY}]"), value, note);
        }
        let value = meta.annotations.get(SYNC_OPTIONS).map_or("none", String::as_str);
        let lacking = match (self.end, self.change) {
            (true, true) => "neither Prune=false nor Delete=false keeps it",
            (true, false) => "Delete=false does not keep it when the application is deleted",
            (false, _) => "Prune=false does not keep it when a sync prunes",
        };
        let whose = if self.guessed { "seems to track it, by a label that others write as well" } else { "tracks it" };
        let note = format!("Argo CD application {} {whose}; {lacking}", self.manager.name);
        Context::fact(object, &format!("metadata.annotations[{SYNC_OPTIONS}]"), value, note)
    }

    /// Has the release or application leave objects of one kind alone.
    pub(super) fn exempt(&self, cx: &Context<'_>, kind: Kind, metas: &[&Meta]) -> Remedy {
        if self.helm() {
            return self.exempt_from_helm();
        }
        let patch = |meta: &&Meta| {
            let lacking = [(self.change, "Prune=", "Prune=false"), (self.end, "Delete=", "Delete=false")];
            let lacking: Vec<_> = lacking.into_iter().filter(|(lacks, ..)| *lacks).collect();
            let others = options(meta)
                .into_iter()
                .filter(|option| !option.is_empty() && !lacking.iter().any(|(_, begin, _)| option.starts_with(begin)));
            let all: Vec<&str> = others.chain(lacking.iter().map(|(.., option)| *option)).collect();
            let patch = json!({"metadata": {"annotations": {SYNC_OPTIONS: all.join(",")}}});
            let what = format!("Have Argo CD leave {} alone", meta.name);
            cx.patch(what, (kind, meta.namespace.as_str(), meta.name.as_str()), patch)
        };
        let mut steps: Vec<Step> = metas.iter().take(COMMANDS).map(patch).collect();
        steps.push(Step::told(format!(
            "Put the annotation {SYNC_OPTIONS} into the source of application {} as well",
            self.manager.name
        )));
        Remedy::untried("Have Argo CD leave it alone", Risk::Low, steps, NOTHING_WAITS)
    }

    fn exempt_from_helm(&self) -> Remedy {
        let Manager { name, namespace, .. } = &self.manager;
        let helm = |what: &str| {
            let namespace = if namespace.is_empty() { String::new() } else { format!(" -n {}", argument(namespace)?) };
            Some(format!("helm get {what} {}{namespace}", argument(name)?))
        };
        let steps = vec![
            Step {
                command: helm("manifest"),
                ..Step::told(format!(
                    "See whether the release's own manifest has {POLICY}: keep, which alone counts at helm uninstall"
                ))
            },
            Step {
                command: helm("values"),
                ..Step::told("See the release's values; many charts have one for the annotations of what they make")
            },
            Step::told(format!(
                "Give the annotation {POLICY}: keep by the chart's values or templates, and run helm upgrade; one that \
                 kubectl makes is not in the manifest"
            )),
        ];
        Remedy::untried("Have Helm keep it", Risk::Low, steps, NOTHING_WAITS)
    }
}
