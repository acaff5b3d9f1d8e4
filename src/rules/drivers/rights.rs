//! What a sidecar's service account may not do that it has to: without it, it says nothing to anybody.

use crate::dependencies::Part;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::names;
use crate::model::component::Role as Duty;
use crate::model::{Kind, ObjectRef, Role, RoleBinding};
use crate::snapshot::Lookup;

/// A right over the whole cluster: verbs of which one is enough, group and resource.
type Right = (&'static [&'static str], &'static str, &'static str);

const STORAGE: &str = "storage.k8s.io";

/// What the external-provisioner can't begin without (`kubernetes-csi/external-provisioner`, deploy/kubernetes/rbac.yaml).
const PROVISIONER: &[Right] = &[
    (&["list"], "", "persistentvolumeclaims"),
    (&["watch"], "", "persistentvolumeclaims"),
    (&["list"], "", "persistentvolumes"),
    (&["create"], "", "persistentvolumes"),
    (&["list"], STORAGE, "storageclasses"),
];
/// What the external-attacher can't end without (`kubernetes-csi/external-attacher`, deploy/kubernetes/rbac.yaml).
const ATTACHER: &[Right] = &[
    (&["list"], STORAGE, "volumeattachments"),
    (&["watch"], STORAGE, "volumeattachments"),
    (&["patch", "update"], STORAGE, "volumeattachments"),
    (&["patch", "update"], STORAGE, "volumeattachments/status"),
    (&["list"], "", "persistentvolumes"),
];

/// An account with what it may not do.
pub(in crate::rules) struct Lacking {
    account: ObjectRef,
    part: String,
    /// As `patch volumeattachments/status`.
    rights: Vec<String>,
    facts: Vec<Evidence>,
    /// Verb, resource and group of the first.
    first: (&'static str, &'static str, &'static str),
}

/// What the account of a part lacks for its duty; `None` where nothing is lacking, where roles and bindings were not all
/// read, and where none names an account of this name, so that its rights come from elsewhere.
pub(in crate::rules) fn lacking(cx: &Context<'_>, part: &Part<'_>, duty: Duty) -> Option<Lacking> {
    let needed = match duty {
        Duty::Provisioner => PROVISIONER,
        Duty::Attacher => ATTACHER,
        _ => return None,
    };
    let name = part.spec.service_account_name.as_str();
    let account = ObjectRef::new(Kind::ServiceAccount, part.namespace, if name.is_empty() { "default" } else { name });
    let bindings = cx.cluster_role_bindings()?;
    let bound: Vec<&RoleBinding> =
        bindings.iter().map(|it| &**it).filter(|binding| grants(binding, &account)).collect();
    let meant: Vec<&RoleBinding> =
        bindings.iter().map(|it| &**it).filter(|binding| means(binding, &account.name)).collect();
    if meant.is_empty() {
        return None;
    }
    let roles: Vec<&Role> =
        bound.iter().map(|binding| role(cx, binding)).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
    let may = |(verbs, group, resource): &Right| {
        let mut rules = roles.iter().flat_map(|role| &role.rules);
        rules.any(|rule| verbs.iter().any(|verb| rule.allows(verb, group, resource)))
    };
    let missing: Vec<&Right> = needed.iter().filter(|right| !may(right)).collect();
    let (verbs, group, resource) = missing.first()?;
    Some(Lacking {
        part: part.words(),
        rights: missing.iter().map(|(verbs, _, resource)| format!("{} {resource}", verbs[0])).collect(),
        facts: meant.iter().map(|binding| fact(cx, binding, &account)).collect(),
        first: (verbs[0], resource, group),
        account,
    })
}

fn grants(binding: &RoleBinding, account: &ObjectRef) -> bool {
    binding.subjects.iter().any(|subject| subject.is_account("", &account.namespace, &account.name))
}

/// Whether the binding names an account of this name, in whatever namespace.
fn means(binding: &RoleBinding, name: &str) -> bool {
    binding.subjects.iter().any(|subject| subject.kind == "ServiceAccount" && subject.name == name)
}

/// The role that is bound, `Some(None)` where there is none; `None` where it could not be read.
fn role<'a>(cx: &Context<'a>, binding: &RoleBinding) -> Option<Option<&'a Role>> {
    match cx.cluster_role(&binding.role_ref.name) {
        Lookup::Found(role) => Some(Some(&**role)),
        Lookup::Absent => Some(None),
        Lookup::Unknown => None,
    }
}

fn fact(cx: &Context<'_>, binding: &RoleBinding, account: &ObjectRef) -> Evidence {
    let object = ObjectRef::new(Kind::ClusterRoleBinding, "", &binding.metadata.name);
    let role = &binding.role_ref.name;
    if !grants(binding, account) {
        let others = binding.subjects.iter().filter(|subject| subject.name == account.name);
        let namespaces: Vec<&str> = others.map(|subject| subject.namespace.as_str()).collect();
        let note = format!("it gives ClusterRole {role} to accounts of other namespaces than {}", account.namespace);
        return Context::fact(object, "subjects[].namespace", names(&namespaces), note);
    }
    let note = match cx.cluster_role(role) {
        Lookup::Absent => "the role that it gives the account is not there",
        _ => "the role that it gives the account does not have these rights",
    };
    Context::fact(object, "roleRef.name", role.clone(), note)
}

impl Lacking {
    /// What is lacking, in words.
    pub(in crate::rules) fn words(&self) -> String {
        let ObjectRef { namespace, name, .. } = &self.account;
        format!(
            "service account {name} of namespace {namespace}, as which {} runs, may not {}",
            self.part,
            names(&self.rights)
        )
    }

    pub(in crate::rules) fn facts(&self) -> Vec<Evidence> {
        self.facts.clone()
    }

    pub(in crate::rules) fn remedy(&self) -> Remedy {
        let ObjectRef { namespace, name, .. } = &self.account;
        let user = format!("system:serviceaccount:{namespace}:{name}");
        let (verb, resource, group) = self.first;
        let (resource, sub) =
            resource.split_once('/').map_or((resource, None), |(resource, sub)| (resource, Some(sub)));
        let full = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let flags = [("--as", user.as_str())].into_iter().chain(sub.map(|sub| ("--subresource", sub)));
        let look = kubectl(&["auth", "can-i", verb], &[&full], &flags.collect::<Vec<_>>());
        let what = format!(
            "Bring the driver's ClusterRole and ClusterRoleBinding to the state that its release ships: service account {name} \
             of namespace {namespace} has to {}",
            names(&self.rights)
        );
        let steps = vec![Step::told(what), Step { command: look, ..Step::told("See whether it may now") }];
        Remedy::untried("Give the driver's account its rights", Risk::Low, steps, "rights are not tried here")
    }
}
