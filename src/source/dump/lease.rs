//! Leases: of them only the time is read, because they are renewed every few seconds.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Lease {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    renew_time: String,
}

/// When a Lease was last renewed; `None` for other objects, and for Leases that don't say.
pub(super) fn renewed(api_version: &str, kind: &str, text: &str) -> Option<Timestamp> {
    let is_lease = kind == "Lease" && api_version.starts_with("coordination.k8s.io/");
    let lease: Lease = is_lease.then(|| serde_json::from_str(text).ok()).flatten()?;
    lease.spec.renew_time.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::renewed;

    #[test]
    fn only_leases_tell_when_they_were_renewed() {
        let text =
            r#"{"metadata":{"name":"n1"},"spec":{"holderIdentity":"n1","renewTime":"2026-01-02T03:04:05.678901Z"}}"#;
        let time = "2026-01-02T03:04:05.678901Z".parse().ok();
        assert_eq!(renewed("coordination.k8s.io/v1", "Lease", text), time);
        assert_eq!(renewed("example.com/v1", "Lease", text), None);
        assert_eq!(renewed("coordination.k8s.io/v1", "LeaseCandidate", text), None);
        for broken in [r#"{"spec":{}}"#, r#"{"spec":{"renewTime":7}}"#, r#"{"spec":{"renewTime":"soon"}}"#] {
            assert_eq!(renewed("coordination.k8s.io/v1", "Lease", broken), None, "{broken}");
        }
    }
}
