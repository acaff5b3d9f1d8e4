//! A class that is left to whoever makes a claim anew, where several would do.

use super::claims::{self, CLASSES};
use super::plan::Plan;
use super::search::Search;
use crate::diagnosis::remedy::Ask;
use crate::diagnosis::text::near;
use crate::engine::trial::Trials;
use crate::model::StorageClass;

impl Search<'_, '_> {
    /// The plan with the class left open that it chose among others, where it works with one of these as well, and none of
    /// them is what the claim's class seems to mean.
    pub(super) fn opened(&mut self, trials: &mut Trials<'_>, plan: Plan) -> Plan {
        let Some((claim, class)) = plan.chosen_class() else { return plan };
        let Some(claim) = self.cx.snapshot.claims.get(&claim.namespace, &claim.name).found() else { return plan };
        let classes: Vec<&StorageClass> = claims::classes_that_make(self.cx.snapshot).take(CLASSES).collect();
        let names = classes.iter().map(|class| class.metadata.name.as_str());
        if near(claim.class(), names).is_some() {
            return plan;
        }
        let mut working: Vec<&StorageClass> = Vec::new();
        for other in classes {
            let name = &other.metadata.name;
            if name == class || name != claim.class() && self.works(trials, &plan.of_class(name)) {
                working.push(other);
            }
        }
        if working.len() < 2 {
            return plan;
        }
        let names: Vec<&str> = working.iter().map(|class| class.metadata.name.as_str()).collect();
        let each = working.iter().map(|class| format!("{} (driver {})", class.metadata.name, class.provisioner));
        let each = each.collect::<Vec<_>>().join(" or ");
        let ask = |at: usize| Ask {
            pointer: format!("/{at}/value"),
            variable: "CLASS",
            hint: format!("one of the classes {}", names.join(", ")),
        };
        let size = claim.request().map(|size| format!(", {size}")).unwrap_or_default();
        let what = format!("make claim {} anew{size} of a class that you choose", claim.metadata.name);
        let note = format!("with CLASS set to {each}: it works with each of them, if its driver makes the volume");
        plan.leaving_open(what, &note, ask)
    }
}
