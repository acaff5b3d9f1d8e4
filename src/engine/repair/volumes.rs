//! What can be changed of a volume so that a claim takes it.

use serde_json::{Value, json};

use super::plan::{Edit, Way};
use crate::diagnosis::remedy::{Change, Risk};
use crate::diagnosis::text::names;
use crate::model::{Claim, Kind, Volume};
use crate::snapshot::Snapshot;
use crate::snapshot::edit::pointer_token;
use crate::volumes::Mismatch;

/// The volume as the claim asks for it: class, labels, modes, and without the uid of an earlier claim of the same name.
/// What a volume is (its size, its mode, where it is) can't be changed.
pub(super) fn refitted(state: &Snapshot, claim: &Claim, volume: &Volume, mismatch: &[Mismatch]) -> Option<Way> {
    let mut refit = Refit { cost: 2, risk: Risk::Low, ..Refit::default() };
    for one in mismatch {
        refit.take(state, claim, volume, one)?;
    }
    if refit.operations.is_empty() {
        return None;
    }
    let (name, wanted) = (&volume.metadata.name, &claim.metadata.name);
    let what = format!("give volume {name} {}", names(&refit.told));
    let change = Change::JsonPatch {
        kind: Kind::PersistentVolume,
        namespace: String::new(),
        name: name.clone(),
        operations: Value::Array(std::mem::take(&mut refit.operations)),
    };
    refit.told = vec![format!("so that claim {wanted} takes it")];
    refit.told.extend(refit.provided.iter().map(|&text| text.to_owned()));
    Some(Way::new(what, Edit::Object(change), refit.cost, refit.risk).note(refit.told.join(", ")))
}

/// The mode that stands alone (`validation.go`, ValidatePersistentVolumeSpec).
const READ_WRITE_ONCE_POD: &str = "ReadWriteOncePod";

struct Refit {
    operations: Vec<Value>,
    told: Vec<String>,
    /// What must be so.
    provided: Vec<&'static str>,
    cost: u32,
    risk: Risk,
}

impl Default for Refit {
    fn default() -> Self {
        Self { operations: Vec::new(), told: Vec::new(), provided: Vec::new(), cost: 0, risk: Risk::Low }
    }
}

impl Refit {
    fn take(&mut self, state: &Snapshot, claim: &Claim, volume: &Volume, mismatch: &Mismatch) -> Option<()> {
        match mismatch {
            Mismatch::Class { asked, .. } if !asked.is_empty() => {
                self.add("/spec/storageClassName", json!(asked), format!("class {asked}"));
            }
            Mismatch::Class { .. } => {
                self.operations.push(json!({"op": "remove", "path": "/spec/storageClassName"}));
                self.told.push("no class".to_owned());
            }
            Mismatch::AccessModes { lacking, present } => {
                let all: Vec<&String> = present.iter().chain(lacking).collect();
                if all.iter().any(|mode| *mode == READ_WRITE_ONCE_POD) {
                    return None;
                }
                let told = format!("access mode {} too", lacking.join(" and "));
                self.provided.push("if its disk can be used so");
                self.add("/spec/accessModes", json!(all), told);
                self.cost += 2;
                self.risk = self.risk.max(Risk::Medium);
            }
            Mismatch::Selector { .. } => self.labels(claim, volume)?,
            Mismatch::EarlierClaim { .. } => {
                self.operations.push(json!({"op": "remove", "path": "/spec/claimRef/uid"}));
                self.told.push("back to the claim of its name".to_owned());
                self.provided.push("with the data that the earlier claim left");
            }
            Mismatch::Owned { namespace, name, .. } if state.claims.get(namespace, name).is_absent() => {
                self.operations.push(json!({"op": "remove", "path": "/spec/claimRef"}));
                self.told.push("to whom asks for it".to_owned());
                self.provided
                    .push("with the data of an earlier claim that is gone, which whoever gets it can overwrite");
                self.cost += 3;
                self.risk = Risk::High;
            }
            Mismatch::Phase { phase } if phase == "Released" => {}
            _ => return None,
        }
        self.cost += 1;
        Some(())
    }

    fn add(&mut self, path: &str, value: Value, told: String) {
        self.operations.push(json!({"op": "add", "path": path, "value": value}));
        self.told.push(told);
    }

    /// Every label that the claim's selector asks for by value, once.
    fn labels(&mut self, claim: &Claim, volume: &Volume) -> Option<()> {
        if self
            .operations
            .iter()
            .any(|operation| operation["path"].as_str().is_some_and(|path| path.contains("labels")))
        {
            return Some(());
        }
        let selector = claim.spec.selector.as_ref()?;
        let mut asked: Vec<(&String, &String)> = selector.match_labels.iter().collect();
        for requirement in &selector.match_expressions {
            match requirement.operator.as_str() {
                "In" => asked.push((&requirement.key, requirement.values.first()?)),
                _ if requirement.matches_label(&volume.metadata.labels) => {}
                _ => return None,
            }
        }
        asked.retain(|(key, value)| volume.metadata.labels.get(*key) != Some(*value));
        if volume.metadata.labels.is_empty() {
            self.operations.push(json!({"op": "add", "path": "/metadata/labels", "value": {}}));
        }
        for (key, value) in asked {
            let path = format!("/metadata/labels/{}", pointer_token(key));
            self.add(&path, json!(value), format!("label {key}={value}"));
        }
        self.provided.push("if it is such a volume");
        Some(())
    }
}
