//! How large a claim can be that a repair makes smaller: as large as leaves room for those of all pods of its set.

use std::rc::Rc;

use super::claims;
use super::fewer::find;
use super::plan::Plan;
use super::requests::{MOST_SHARING, between};
use super::search::Search;
use super::ways::At;
use crate::engine::trial::Trials;
use crate::model::{Claim, ObjectRef, Pod};

impl Search<'_, '_> {
    /// The plan with the claims that it makes smaller as large as they can be.
    pub(super) fn enlarged(&mut self, trials: &mut Trials<'_>, plan: Plan) -> Plan {
        plan.shrunk().into_iter().fold(plan, |plan, claim| self.enlarged_one(trials, plan, &claim))
    }

    fn enlarged_one(&mut self, trials: &mut Trials<'_>, plan: Plan, object: &ObjectRef) -> Plan {
        let Some(first) = self.cx.snapshot.claims.get(&object.namespace, &object.name).found() else { return plan };
        let users = self.cx.users_of(first);
        let (Some(now), Some(pod)) = (plan.size_of(object), users.first().copied()) else { return plan };
        let volumes = self.volumes(self.cx.snapshot);
        let known = Rc::clone(&self.known);
        let (cx, victims) = (self.cx, self.victims);
        let at = At { cx, state: cx.snapshot, volumes: &volumes, victims, pod, node: None, known: &known };
        let sizes = self.sizes(first, pod, now.value());
        self.most(trials, plan, &sizes, |plan, size| plan.of_size(at.cx, at.state, &claims::smaller(&at, first, size)?))
    }

    /// Sizes between what the claim has and what it asked for at first, in bytes, the least first: what leaves room for a
    /// whole number of volumes where the driver makes them.
    fn sizes(&self, claim: &Claim, pod: &Pod, now: i64) -> Vec<i64> {
        let Some(first) = claim.request().map(|size| size.value()) else { return Vec::new() };
        let wanted = self.cx.workload(pod).and_then(|(kind, meta)| find(self.cx, kind, meta));
        let most = wanted.map_or(1, |workload| i64::from(workload.replicas())).clamp(1, MOST_SHARING);
        let of_class = |class: &str| class == claim.class();
        let published = self.cx.snapshot.capacities.seen().iter().filter(|one| of_class(&one.storage_class_name));
        let rooms = published.flat_map(|one| [one.capacity.as_ref(), one.maximum_volume_size.as_ref()]);
        let rooms = rooms.flatten().map(|room| room.value());
        between(now, first, rooms.flat_map(|room| (1..=most).map(move |many| claims::whole(room / many))))
    }
}
