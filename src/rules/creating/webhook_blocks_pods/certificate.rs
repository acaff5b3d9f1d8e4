//! Webhooks whose server answers with a certificate that the API server does not accept.

use super::{Suspect, server};
use crate::diagnosis::command;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::{Kind, ObjectRef};

/// What the API server has against the certificate of a webhook's server (Go's `crypto/x509` and `crypto/tls`).
pub(super) fn distrust(message: &str) -> Option<&str> {
    let at = message.find("x509: ")?;
    Some(message[at + "x509: ".len()..].trim_end_matches('.'))
}

/// Annotations by which cert-manager and OpenShift write the authority into a webhook's configuration.
const INJECTORS: &[(&str, &str)] = &[
    ("cert-manager.io/inject-ca-from", "cert-manager writes the authority from this Certificate"),
    ("cert-manager.io/inject-ca-from-secret", "cert-manager writes the authority from this Secret"),
    ("service.beta.openshift.io/inject-cabundle", "OpenShift's service CA writes the authority"),
];

/// Who writes the authority of the certificate into the configuration, where somebody does.
pub(super) fn with_injector(suspect: &Suspect<'_>, finding: Finding) -> Finding {
    let meta = &suspect.configuration.metadata;
    let found = INJECTORS.iter().find_map(|(key, note)| Some((*key, meta.annotations.get(*key)?, *note)));
    let object = ObjectRef::new(suspect.kind, "", &meta.name);
    match found {
        Some((key, value, note)) => finding.evidence(object, format!("metadata.annotations[{key}]"), value, note),
        None => {
            let note = "whoever made the configuration must write the authority of the server's certificate here";
            finding.evidence(object, format!("webhooks[{}].clientConfig.caBundle", suspect.position), "not read", note)
        }
    }
}

/// Certificate and authority brought together again.
pub(super) fn renew(cx: &Context<'_>, suspect: &Suspect<'_>) -> Remedy {
    let meta = &suspect.configuration.metadata;
    let path = format!("jsonpath={{.webhooks[{}].clientConfig.caBundle}}", suspect.position);
    let show = command::kubectl(&["get", suspect.kind.plural()], &[&meta.name], &[("-o", &path)]);
    let look = Step {
        command: show.map(|show| format!("{show} | base64 -d | openssl x509 -noout -subject -enddate")),
        ..Step::told("See which authority the configuration trusts, and until when")
    };
    let mut steps = vec![look];
    let server = suspect.webhook.client_config.service.as_ref().and_then(|service| server(cx, service));
    if let Some(part) = server.filter(|part| part.kind != Kind::DaemonSet) {
        let now = cx.options.now.map_or_else(|| "now".to_owned(), |now| now.to_string());
        let annotations = serde_json::json!({"kubectl.kubernetes.io/restartedAt": now});
        let patch = serde_json::json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
        let what = format!(
            "Restart {}, which reads its certificate, or makes it and writes its authority, as it starts",
            part.words()
        );
        steps.push(cx.patch(what, part.key(), patch));
    }
    steps.push(Step::told(
        "Where that does not help, have the certificate issued anew, and its authority written into the configuration",
    ));
    let reason = "which certificate the server has is not in the API";
    Remedy::untried("Bring the server's certificate and the authority together", Risk::Low, steps, reason)
}
