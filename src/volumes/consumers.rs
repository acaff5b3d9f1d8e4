//! Which pods use which claims.

use std::collections::HashMap;

use crate::model::Pod;
use crate::snapshot::Snapshot;

/// Pods by the claims that they use, in the order of their names.
#[derive(Debug)]
pub(crate) struct Consumers<'a> {
    /// The keys are `namespace/claim`.
    pods: HashMap<String, Vec<&'a Pod>>,
}

impl<'a> Consumers<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let mut pods: HashMap<String, Vec<&'a Pod>> = HashMap::new();
        for pod in snapshot.pods.seen() {
            let claims = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
            let mut claims: Vec<String> = claims.collect();
            claims.sort();
            claims.dedup();
            for claim in claims {
                pods.entry(format!("{}/{claim}", pod.metadata.namespace)).or_default().push(pod);
            }
        }
        Self { pods }
    }

    pub(crate) fn of(&self, namespace: &str, claim: &str) -> &[&'a Pod] {
        self.pods.get(&format!("{namespace}/{claim}")).map_or(&[], Vec::as_slice)
    }
}
