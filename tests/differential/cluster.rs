//! The cluster that a seed makes.

use serde_json::{Value, json};

use super::configuration::{Configuration, configuration};
use super::pods::{Surroundings, pods};
use super::random::Random;
use super::{nodes, storage};

/// A cluster to be made.
#[derive(Clone)]
pub struct Cluster {
    pub seed: u64,
    pub configuration: Configuration,
    /// Objects as they are posted. Those with a `deletionTimestamp` are deleted after that.
    pub objects: Vec<Value>,
}

impl Cluster {
    /// As a file that [`Cluster::parse`] reads.
    pub fn text(&self) -> String {
        let Configuration { file, rules } = &self.configuration;
        let value = json!({ "seed": self.seed, "configuration": file, "rules": rules, "objects": self.objects });
        serde_json::to_string_pretty(&value).unwrap()
    }

    /// Reads what [`Cluster::text`] wrote.
    pub fn parse(text: &[u8]) -> Self {
        let mut value: Value = serde_json::from_slice(text).unwrap();
        let mut field = |name: &str| Some(value[name].take()).filter(|value| !value.is_null());
        let configuration = Configuration { file: field("configuration"), rules: field("rules") };
        let objects = serde_json::from_value(field("objects").unwrap()).unwrap();
        Self { seed: field("seed").and_then(|seed| seed.as_u64()).unwrap_or_default(), configuration, objects }
    }
}

/// The cluster of a seed, for a server 1.`release`.
pub fn cluster(seed: u64, release: u32) -> Cluster {
    let mut random = Random::new(seed);
    let (nodes, mut objects) = nodes::objects(&mut random, release);
    let configuration = configuration(&mut random, &nodes);
    let storage = storage::storage(&mut random, &nodes, release);
    objects.extend(storage.objects);
    let around =
        Surroundings { nodes: &nodes, claims: &storage.claims, schedulers: &["second", "second", "nobody"], release };
    objects.extend(pods(&mut random, &around));
    Cluster { seed, configuration, objects }
}
