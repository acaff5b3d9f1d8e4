//! `plugins/tainttoleration`: taints that keep pods away.

use super::cluster::NodeInfo;
use super::framework::{Cycle, Decision, Filter, PreFilter, Status};
use super::release;
use crate::model::node::Taint;
use crate::model::pod::Toleration;
use crate::model::version::Version;

pub(crate) const NAME: &str = "TaintToleration";

#[derive(Clone)]
struct TaintToleration<'c> {
    tolerations: &'c [Toleration],
    version: Version,
}

pub(crate) fn prepare<'c>(cycle: &Cycle<'c>) -> PreFilter<'c> {
    PreFilter::Filter(Box::new(TaintToleration {
        tolerations: &cycle.pod.spec.tolerations,
        version: cycle.cluster.version,
    }))
}

/// Whether a toleration covers a taint (`staging/src/k8s.io/api/core/v1/toleration.go`, ToleratesTaint).
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    (toleration.effect.is_empty() || toleration.effect == taint.effect)
        && (toleration.key.is_empty() || toleration.key == taint.key)
        && match toleration.operator.as_str() {
            "" | "Equal" => toleration.value == taint.value,
            "Exists" => true,
            _ => false,
        }
}

/// The first taint that keeps the pod from being placed: only `NoSchedule` and `NoExecute` do.
pub fn untolerated<'n>(taints: &'n [Taint], tolerations: &[Toleration]) -> Option<&'n Taint> {
    taints
        .iter()
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

impl<'c> Filter<'c> for TaintToleration<'c> {
    fn filter(&self, node: &NodeInfo<'c>) -> Decision {
        match untolerated(&node.node.spec.taints, self.tolerations) {
            Some(taint) => Err(Status::unresolvable(release::untolerated_taint(self.version, taint))),
            None => Ok(()),
        }
    }

    fn fork(&self) -> Box<dyn Filter<'c> + 'c> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
        Toleration {
            key: key.to_owned(),
            operator: operator.to_owned(),
            value: value.to_owned(),
            effect: effect.to_owned(),
            toleration_seconds: None,
        }
    }

    fn taint(key: &str, value: &str, effect: &str) -> Taint {
        Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned(), time_added: None }
    }

    #[test]
    fn an_empty_key_with_exists_tolerates_everything() {
        assert!(tolerates(&toleration("", "Exists", "", ""), &taint("a", "b", "NoExecute")));
        assert!(!tolerates(&toleration("", "", "", ""), &taint("a", "b", "NoExecute")));
        assert!(!tolerates(&toleration("a", "Exists", "", "NoSchedule"), &taint("a", "b", "NoExecute")));
        assert!(tolerates(&toleration("a", "", "b", ""), &taint("a", "b", "NoExecute")));
        assert!(!tolerates(&toleration("a", "Gt", "1", ""), &taint("a", "2", "NoSchedule")), "an alpha operator");
    }

    #[test]
    fn only_hard_effects_keep_pods_away() {
        let taints = [taint("a", "", "PreferNoSchedule"), taint("b", "", "NoSchedule")];
        assert_eq!(untolerated(&taints, &[]).map(|taint| taint.key.as_str()), Some("b"));
        assert_eq!(untolerated(&taints[..1], &[]), None);
    }
}
