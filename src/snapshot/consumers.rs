//! Which pods use which claims.

use std::sync::Arc;

use super::Store;
use super::store::{Referrers, hash};
use crate::model::Pod;

impl Store<Pod> {
    /// The pods that use a claim and have not ended, by name.
    pub fn using(&self, namespace: &str, claim: &str) -> Vec<&Pod> {
        let pods = self.referring((namespace, claim), by_claim);
        pods.filter(|pod| pod.metadata.namespace == namespace && pod.names_claim(claim)).collect()
    }
}

fn by_claim(pods: &[Arc<Pod>]) -> Referrers {
    let mut referrers = Referrers::default();
    for (position, pod) in pods.iter().enumerate().filter(|(_, pod)| !pod.finished()) {
        let claims = pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name));
        for claim in claims {
            let users = referrers.entry(hash((pod.metadata.namespace.as_str(), claim.as_str()))).or_default();
            if users.last() != Some(&position) {
                users.push(position);
            }
        }
    }
    referrers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Kind;
    use crate::snapshot::{Builder, Scope, Snapshot};

    fn pod(name: &str, namespace: &str, claims: &[&str]) -> Pod {
        let volume = |claim: &&str| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}});
        let volumes: Vec<_> = claims.iter().map(volume).collect();
        let pod = json!({"metadata": {"name": name, "namespace": namespace}, "spec": {"volumes": volumes}});
        serde_json::from_value(pod).unwrap()
    }

    fn snapshot(pods: &[Pod]) -> Snapshot {
        let mut builder = Builder::default();
        for pod in pods {
            builder.add(Kind::Pod, serde_json::to_value(pod).unwrap()).unwrap();
        }
        builder.build(&Scope::All)
    }

    fn using(snapshot: &Snapshot, claim: &str) -> String {
        let names = snapshot.pods.using("app", claim).into_iter().map(|pod| pod.metadata.name.as_str());
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn pods_that_run_are_found_once_each_by_a_claim_of_their_namespace() {
        let mut ended = pod("d", "app", &["data"]);
        ended.status.phase = "Succeeded".to_owned();
        let pods = [pod("b", "app", &["data", "data"]), pod("a", "app", &["data"]), pod("c", "web", &["data"]), ended];
        let snapshot = snapshot(&pods);
        assert_eq!(using(&snapshot, "data"), "a b");
        assert_eq!(using(&snapshot, "other"), "");
    }

    #[test]
    fn a_copy_knows_what_changed_in_it_and_the_original_does_not() {
        let snapshot = snapshot(&[pod("a", "app", &["data"]), pod("b", "app", &["data"])]);
        assert_eq!(using(&snapshot, "data"), "a b");
        let mut copy = snapshot.clone();
        copy.pods.insert(pod("a", "app", &["logs"]));
        copy.pods.insert(pod("c", "app", &["data"]));
        assert_eq!((using(&copy, "data").as_str(), using(&copy, "logs").as_str()), ("b c", "a"));
        copy.remove(Kind::Pod, "app", "b");
        assert_eq!(using(&copy, "data"), "c");
        assert_eq!(using(&snapshot, "data"), "a b");
    }
}
