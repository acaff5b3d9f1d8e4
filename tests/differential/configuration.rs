//! Scheduler configurations.

use serde_json::{Value, json};
use storagewhy::scheduler::SchedulerConfig;
use storagewhy::scheduler::config_file::parse;

use super::nodes::{HOSTNAME, ZONE};
use super::random::{Random, push};

/// What stands in the place of the extender's address until it listens.
pub const EXTENDER: &str = "http://extender.invalid";

/// The scheduler configuration of one cluster.
#[derive(Clone, Default)]
pub struct Configuration {
    /// A KubeSchedulerConfiguration; none for the scheduler's own defaults.
    pub file: Option<Value>,
    /// The extender's rules, where there is one.
    pub rules: Option<Value>,
}

impl Configuration {
    /// The configuration as the tool understands it.
    pub fn parsed(&self) -> SchedulerConfig {
        self.file.as_ref().map_or_else(SchedulerConfig::default, |file| parse(&file.to_string()).unwrap())
    }
}

/// Plugins that a profile can do without.
const DISPENSABLE: &[&str] = &[
    "NodeUnschedulable",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeZone",
    "PodTopologySpread",
    "InterPodAffinity",
];

pub fn configuration(random: &mut Random, nodes: &[String]) -> Configuration {
    if random.chance(60) {
        return Configuration::default();
    }
    let mut profiles = vec![profile(random, "default-scheduler")];
    if random.chance(40) {
        profiles.push(profile(random, "second"));
    }
    let mut file = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "profiles": profiles
    });
    let rules = random.chance(30).then(|| extender(random, nodes, &mut file));
    Configuration { file: Some(file), rules }
}

fn profile(random: &mut Random, name: &str) -> Value {
    let mut file = json!({ "schedulerName": name });
    let disabled = if random.chance(50) { disable(random, &mut file) } else { "" };
    if random.chance(15) {
        push(&mut file, "plugins/postFilter/disabled", json!({ "name": "DefaultPreemption" }));
    }
    if random.chance(10) {
        push(&mut file, "plugins/multiPoint/enabled", json!({ "name": "NodeResourcesFit" }));
    }
    if random.chance(30) && disabled != "NodeAffinity" {
        let terms = random.pick(&[
            json!([{ "matchExpressions": [{ "key": "disktype", "operator": "In", "values": ["ssd"] }] }]),
            json!([{ "matchExpressions": [{ "key": ZONE, "operator": "NotIn", "values": ["c"] }] }]),
        ]);
        let affinity = json!({ "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } });
        arguments(&mut file, "NodeAffinity", &json!({ "addedAffinity": affinity }));
    }
    if random.chance(30) {
        let ignored = json!({ "ignoredResources": ["example.com/nothing", "topolvm.io/capacity"], "ignoredResourceGroups": ["example.com"] });
        arguments(&mut file, "NodeResourcesFit", &ignored);
    }
    if random.chance(20) {
        let key = random.pick(&[ZONE, HOSTNAME]);
        let constraint = json!({ "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "topologyKey": key });
        let list = json!({ "defaultingType": "List", "defaultConstraints": [constraint] });
        arguments(&mut file, "PodTopologySpread", &list);
    }
    file
}

/// Disables a plugin at one extension point, or everywhere.
fn disable(random: &mut Random, file: &mut Value) -> &'static str {
    let plugin = random.pick(DISPENSABLE);
    let point = random.pick(&["multiPoint", "filter"]);
    push(file, &format!("plugins/{point}/disabled"), json!({ "name": plugin }));
    plugin
}

fn arguments(file: &mut Value, plugin: &str, arguments: &Value) {
    push(file, "pluginConfig", json!({ "name": plugin, "args": arguments }));
}

/// Adds an extender, and gives its rules. With managed resources the scheduler needs NodeResourcesFit to start.
fn extender(random: &mut Random, nodes: &[String], file: &mut Value) -> Value {
    let mut entry = json!({ "urlPrefix": EXTENDER, "filterVerb": "filter", "enableHTTPS": false });
    let profiles = file["profiles"].as_array().into_iter().flatten();
    let mut disabled = profiles.filter_map(|profile| profile["plugins"]["multiPoint"]["disabled"].as_array()).flatten();
    let without_fit = disabled.any(|plugin| plugin["name"] == "NodeResourcesFit");
    if !without_fit && random.chance(60) {
        let name = random.pick(&["example.com/gpu", "topolvm.io/capacity"]);
        entry["managedResources"] = json!([{ "name": name, "ignoredByScheduler": random.chance(50) }]);
    }
    file["extenders"] = json!([entry]);
    let mut rules = json!({ "fail": {} });
    for node in nodes {
        if random.chance(70) {
            rules["fail"][node] = "out of VG free space".into();
        }
    }
    rules
}
