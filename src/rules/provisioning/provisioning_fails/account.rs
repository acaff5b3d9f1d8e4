//! The service account of a driver that its cloud refuses, and whom it stands for there.

use super::Failing;
use crate::diagnosis::command::argument;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::{Kind, ObjectRef, ServiceAccount};
use crate::rules::provisioning::runner::Runner;
use crate::snapshot::Lookup;
use crate::volumes::FailureCause;

/// Where clouds are told whom an account stands for: EKS pod identity webhook, GKE and Azure workload identity.
const IDENTITIES: [&str; 3] =
    ["eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"];
const ROLE_ARN: &str = IDENTITIES[0];
/// What tells that the credentials themselves could not be had.
const CREDENTIALS: &[&str] = &["AssumeRoleWithWebIdentity", "get credentials", "failed to retrieve credentials"];

/// The account of the driver's controller, as far as it could be read.
pub(super) struct Account<'a> {
    object: ObjectRef,
    found: Lookup<'a, ServiceAccount>,
}

/// The account, where the failure is about what the driver may do at the cloud.
pub(super) fn of_failure<'a>(
    cx: &Context<'a>,
    runner: Option<&Runner<'a>>,
    lead: &Failing<'_, '_>,
) -> Option<Account<'a>> {
    let credentials = CREDENTIALS.iter().any(|words| lead.report.message.contains(words));
    let part = &runner.filter(|_| lead.failure.cause == FailureCause::Denied || credentials)?.part;
    let name = part.spec.service_account_name.as_str();
    let name = if name.is_empty() { "default" } else { name };
    let object = ObjectRef::new(Kind::ServiceAccount, part.namespace, name);
    Some(Account { object, found: cx.service_account(part.namespace, name) })
}

impl<'a> Account<'a> {
    /// The annotation in which a cloud is told whom the account stands for.
    fn identity(&self) -> Option<(&'static str, &'a str)> {
        let Lookup::Found(account) = &self.found else { return None };
        IDENTITIES.into_iter().find_map(|key| Some((key, account.metadata.annotations.get(key)?.as_str())))
    }

    /// The policy that the account names in place of a role: a role's ARN is `arn:…:role/NAME`.
    pub(super) fn policy(&self) -> Option<&'a str> {
        self.identity().filter(|(key, value)| *key == ROLE_ARN && value.contains(":policy/")).map(|(_, value)| value)
    }

    /// That it names a policy, in words.
    pub(super) fn words(&self) -> Option<String> {
        let ObjectRef { namespace, name, .. } = &self.object;
        let policy = self.policy()?;
        Some(format!("service account {name} of namespace {namespace} names a policy in place of a role ({policy})"))
    }

    /// Whom the account names, or that it names nobody.
    pub(super) fn fact(&self) -> Option<Evidence> {
        let fact = |path: &str, value: &str, note: &str| Context::fact(self.object.clone(), path, value, note);
        match (&self.found, self.identity()) {
            (Lookup::Unknown, _) => None,
            (Lookup::Absent, _) => Some(fact("", "not found", "the account under which the driver's controller runs")),
            (Lookup::Found(_), Some((key, value))) => {
                let note = match self.policy() {
                    Some(_) => "this is a policy, not a role: nobody can act as it",
                    None => "whom the driver's controller is to act as at the cloud",
                };
                Some(fact(&format!("metadata.annotations[{key}]"), value, note))
            }
            (Lookup::Found(_), None) => Some(fact(
                "metadata.annotations",
                "no identity of a cloud",
                "the driver's controller acts as its node, or by credentials of its own",
            )),
        }
    }

    /// The role in place of the policy.
    pub(super) fn remedy(&self, runner: &Runner<'_>) -> Option<Remedy> {
        self.policy()?;
        let ObjectRef { namespace, name, .. } = &self.object;
        let (account, of) = (argument(name)?, argument(namespace)?);
        let set = format!(
            "kubectl annotate serviceaccount {account} -n {of} --overwrite \
             {ROLE_ARN}=\"${{ROLE:?the ARN of the role that the driver is to take, arn:aws:iam::ACCOUNT:role/NAME}}\""
        );
        let restart = format!("kubectl rollout restart {} -n {of}", argument(&runner.target())?);
        let steps = vec![
            Step {
                command: Some(set),
                ..Step::told(format!("Name the role in service account {name}, not its policy"))
            },
            Step {
                command: Some(restart),
                ..Step::told("Have the controller start anew, since the role is given to new pods alone")
            },
        ];
        let title = "Name a role for the driver";
        Some(Remedy::untried(title, Risk::Low, steps, "what the cloud answers then is not known"))
    }
}
