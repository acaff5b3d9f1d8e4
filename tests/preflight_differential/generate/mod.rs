//! The case of a seed.

mod broken;
mod changes;
mod cluster;
mod faults;
mod more;
mod mutations;
mod others;
mod rules;
mod volumes;
mod webhooks;
mod workloads;

use serde_json::Value;

use super::case::Case;
use super::random::Random;
pub use broken::all as all_wrong;
pub use mutations::CHANGES;

/// What documents can refer to.
pub struct Surroundings {
    pub nodes: Vec<String>,
    pub release: u32,
}

/// The case of a seed, for a server 1.`release`.
pub fn case(seed: u64, release: u32) -> Case {
    let mut random = Random::new(seed);
    let mut case = Case { seed, ..Case::default() };
    let around = cluster::put(&mut random, &mut case, release);
    volumes::put(&mut random, &mut case, &around);
    rules::put(&mut random, &mut case);
    if random.chance(12) {
        webhooks::put(&mut random, &mut case);
    }
    for place in 0..random.pick(&[0, 1, 1, 2, 2, 3]) {
        let name = format!("old{place}");
        case.applied.push(match random.chance(12) {
            true => volumes::claim_document(&mut random, &name),
            false => workloads::workload(&mut random, &around, &name),
        });
    }
    if random.chance(12) {
        workloads::fill(&mut random, &mut case, &around);
    }
    for place in 0..random.pick(&[1, 1, 2, 2, 3, 4]) {
        document(&mut random, &mut case, &around, place);
    }
    if random.chance(15) {
        changes::delete(&mut random, &mut case);
    }
    if random.chance(45) {
        faults::put(&mut random, &mut case, &around);
    }
    more::put(seed, &mut case, &around);
    case.about.sort();
    case.about.dedup();
    if case.about.is_empty() {
        case.about.push("plain".to_owned());
    }
    case
}

/// A new document, or one of an object that is there.
fn document(random: &mut Random, case: &mut Case, around: &Surroundings, place: usize) {
    let name = format!("new{place}");
    let left: Vec<Value> = case
        .applied
        .iter()
        .filter(|one| case.documents.iter().all(|document| document["metadata"]["name"] != one["metadata"]["name"]))
        .cloned()
        .collect();
    if !left.is_empty() && random.chance(55) {
        let old = random.pick(&left);
        let changed = changes::change(random, &mut case.about, old);
        case.documents.push(changed);
    } else if random.chance(25) {
        let documents = others::documents(random, &mut case.about, &name);
        case.documents.extend(documents);
    } else {
        case.documents.push(workloads::workload(random, around, &name));
    }
    let newest = case.documents.last().cloned().unwrap_or_default();
    case.about.extend(workloads::special(&newest));
}
