//! What kube-scheduler decides, plugin by plugin, byte for byte.

mod alike;
mod assumed;
mod capacities;
mod claim_obstacles;
mod cluster;
pub(crate) mod config;
pub mod config_file;
mod csi_migration;
mod dating;
mod default_spread;
mod explanation;
mod framework;
mod host_ports;
mod message;
mod needs;
mod nominated;
pub(crate) mod obstacle;
pub mod parse;
mod plugins;
mod post_filter;
mod present_volumes;
mod reason;
mod release;
mod resources;
mod running;
mod score;
mod status;
mod verdict;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub(crate) use alike::Place;
use cluster::{Cluster, NodeInfo};
pub use config::SchedulerConfig;
use config::{Extender, Profile};
pub use config_file::parse as parse_config;
pub(crate) use dating::releases as releases_by_texts;
pub use explanation::Explanation;
use framework::{Code, Cycle, Preparation, Prepared, Rejection, Rejections, Status};
use message::{Body, NO_NODES, fit_error};
pub use obstacle::{Fact, Obstacle};
use post_filter::PostFilter;
pub use reason::{LeftOut, Reason};
/// The reasons of each plugin, under the plugin's upstream name.
pub mod reasons {
    pub use super::plugins::default_preemption::Reason as DefaultPreemption;
    pub use super::plugins::dynamic_resources::Reason as DynamicResources;
    pub use super::plugins::inter_pod_affinity::Reason as InterPodAffinity;
    pub use super::plugins::node_affinity::Reason as NodeAffinity;
    pub use super::plugins::node_declared_features::Reason as NodeDeclaredFeatures;
    pub use super::plugins::node_name::Reason as NodeName;
    pub use super::plugins::node_ports::Reason as NodePorts;
    pub use super::plugins::node_resources_fit::Reason as NodeResourcesFit;
    pub use super::plugins::node_unschedulable::Reason as NodeUnschedulable;
    pub use super::plugins::node_volume_limits::Reason as NodeVolumeLimits;
    pub use super::plugins::pod_topology_spread::Reason as PodTopologySpread;
    pub use super::plugins::taint_toleration::Reason as TaintToleration;
    pub use super::plugins::volume_binding::Reason as VolumeBinding;
    pub use super::plugins::volume_restrictions::Reason as VolumeRestrictions;
    pub use super::plugins::volume_zone::Reason as VolumeZone;
}

pub(crate) use plugins::taint_toleration::{tolerates, untolerated};
pub(crate) use running::{foreign_reasons, offered, presumed, running};
pub use verdict::{NodeVerdict, Outcome, PodVerdict, PreFilterRejection};

use crate::model::version::Version;
use crate::model::{CsiStorageCapacity, Kind, Node, Pod};
use crate::snapshot::Snapshot;

/// Judges pods against one state of a cluster.
pub struct Scheduler<'a> {
    cluster: Cluster<'a>,
    config: SchedulerConfig,
    /// Per profile, the resources that NodeResourcesFit ignores.
    ignored: Vec<BTreeSet<String>>,
    verdicts: RefCell<HashMap<String, Arc<PodVerdict>>>,
}

impl<'a> Scheduler<'a> {
    /// Sums the snapshot up. `version` is the release to predict, `config` the scheduler's configuration (the default
    /// one where it isn't known).
    pub fn new(snapshot: &'a Snapshot, version: Version, config: SchedulerConfig) -> Self {
        let by_extenders = config.ignored_by_extenders();
        let of_profile = |profile: &Profile| match by_extenders.is_empty() {
            true => profile.ignored_resources.clone(),
            false => by_extenders.clone(),
        };
        let ignored: Vec<BTreeSet<String>> = config.profiles.iter().map(of_profile).collect();
        let mut cluster = Cluster::new(snapshot, version);
        assumed::assume(&mut cluster, &config, &ignored);
        Self { cluster, config, ignored, verdicts: RefCell::default() }
    }

    /// What [`Scheduler::new`] with the same release and configuration makes of another state; quick where that was
    /// cloned from this one's and little was changed.
    pub fn after(&self, snapshot: &'a Snapshot) -> Self {
        let (config, ignored) = (self.config.clone(), self.ignored.clone());
        let mut cluster = self.cluster.after(snapshot);
        assumed::assume(&mut cluster, &config, &ignored);
        Self { cluster, config, ignored, verdicts: RefCell::default() }
    }

    /// What one scheduling attempt would decide now of a pod that has no node. Pods with the same needs are judged once.
    pub fn judge(&self, pod: &Pod) -> Arc<PodVerdict> {
        if let Some(node) = self.cluster.assumed_node(pod) {
            return Arc::new(PodVerdict { placed: Some(node.to_owned()), ..PodVerdict::new(Outcome::Schedulable) });
        }
        let key = needs::key(&self.cluster, pod, self.spreads_by_default(pod));
        if let Some(verdict) = self.verdicts.borrow().get(&key) {
            return Arc::clone(verdict);
        }
        let verdict = Arc::new(self.attempt(pod));
        self.verdicts.borrow_mut().insert(key, Arc::clone(&verdict));
        verdict
    }

    fn spreads_by_default(&self, pod: &Pod) -> bool {
        let profile = self.config.position(pod).map(|position| &self.config.profiles[position]);
        profile.is_some_and(|profile| !profile.default_constraints.is_empty())
    }

    /// The kinds of which objects, or that there are none, can decide about a pod.
    pub fn rests_on(&self, pod: &Pod) -> Vec<Kind> {
        needs::kinds(pod, self.spreads_by_default(pod))
    }

    /// The node on which the pod is already placed while it waits for its volumes (PreBind). Such a pod has no condition
    /// and no event; its claims name the node.
    pub fn waits_for_volumes_on(&self, pod: &Pod) -> Option<&str> {
        self.cluster.assumed_node(pod)
    }

    /// What is in the pod's way, ready to be asked node by node; `None` for a pod of another scheduler, and for one that
    /// is placed and waits for its volumes.
    pub fn explain<'s>(&'s self, pod: &'s Pod) -> Option<Explanation<'s>> {
        let placed = self.cluster.assumed_node(pod).is_some();
        self.cycle(pod).filter(|_| !placed).map(Explanation::new)
    }

    /// All that keeps a pod from a node, the plugin that the scheduler would name first; also where other facts are
    /// missing or an extender decides.
    pub fn obstacles(&self, pod: &Pod, node: &str) -> Vec<Obstacle> {
        self.explain(pod).map_or_else(Vec::new, |explanation| explanation.node(node))
    }

    /// Allocatable, used and free amounts of a resource on a node, in the scheduler's units (milli-CPU, bytes, counts).
    pub fn amounts(&self, node: &str, resource: &str) -> Option<Amounts> {
        let info = self.cluster.node(node)?;
        Some(Amounts {
            allocatable: info.allocatable.of_resource(resource),
            used: info.requested.of_resource(resource),
        })
    }

    /// The resources of which the pod asks for some.
    pub fn requested<'p>(&self, pod: &'p Pod) -> Vec<&'p str> {
        resources::requests(pod, self.cluster.version).names()
    }

    /// How much of a resource a pod asks for that is to be placed.
    pub(crate) fn asked(&self, pod: &Pod, resource: &str) -> i64 {
        resources::requests(pod, self.cluster.version).of_resource(resource)
    }

    /// How much of a resource a pod counts for on its node.
    pub(crate) fn held(&self, pod: &Pod, resource: &str) -> i64 {
        resources::usage(pod, self.cluster.version).of_resource(resource)
    }

    /// The pods that count on a node.
    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Pod> {
        self.cluster.node(node).into_iter().flat_map(|info| &info.pods).map(|info| info.pod)
    }

    /// The claims of a pod that bind when it is placed on a node, each with the volume that is there for it; `None` where
    /// one is to be made.
    pub(crate) fn volumes_on(&self, pod: &Pod, node: &str) -> Vec<(String, Option<String>)> {
        let node = self.cluster.node(node).map(|info| info.node);
        node.map_or_else(Vec::new, |node| plugins::volume_binding::choices(&self.cluster, pod, node))
    }

    /// The nodes among which the scheduler draws one for a pod: of those that take it the ones with the best score, by
    /// name.
    pub(crate) fn best(&self, pod: &Pod, verdict: &PodVerdict) -> Vec<String> {
        let fitting = verdict.nodes.iter().filter(|node| node.fits == Some(true));
        let fitting: Vec<&NodeInfo<'_>> = fitting.filter_map(|node| self.cluster.node(&node.name)).collect();
        let Some(cycle) = self.cycle(pod) else { return Vec::new() };
        score::best(&cycle, &fitting)
    }

    /// The configuration that the verdicts follow.
    pub fn config(&self) -> &SchedulerConfig {
        &self.config
    }

    /// The CSIStorageCapacity objects of a class whose topology takes the node in.
    pub fn capacities_on<'s>(
        &'s self,
        class: &str,
        node: &'s Node,
    ) -> impl Iterator<Item = &'a CsiStorageCapacity> + 's {
        self.cluster.capacities.on(class, node)
    }

    fn cycle<'c>(&'c self, pod: &'c Pod) -> Option<Cycle<'c>> {
        let position = self.config.position(pod)?;
        Some(Cycle {
            cluster: &self.cluster,
            profile: &self.config.profiles[position],
            ignored_resources: &self.ignored[position],
            pod,
        })
    }

    fn attempt(&self, pod: &Pod) -> PodVerdict {
        let mut verdict = PodVerdict::new(Outcome::Unknown);
        let Some(cycle) = self.cycle(pod) else { return PodVerdict::new(Outcome::OtherScheduler) };
        if !pod.spec.scheduling_gates.is_empty() {
            return PodVerdict::new(Outcome::SchedulingGated);
        }
        if !self.cluster.snapshot.nodes.complete() {
            verdict.unknown.push("not every node could be read".to_owned());
            return verdict;
        }
        if let [first, ..] = cycle.profile.foreign_plugins.as_slice() {
            verdict.unknown.push(format!("the scheduler runs the plugin {first}, which is not modelled"));
            return verdict;
        }
        if let Err(status) = plugins::dynamic_resources::claims(&self.cluster, pod)
            && release::dynamic_resources(self.cluster.version)
        {
            return not_queued(status);
        }
        if self.cluster.nodes.is_empty() {
            return PodVerdict { message: Some(NO_NODES.to_owned()), ..PodVerdict::new(Outcome::Unschedulable) };
        }
        match plugins::prepare(&cycle) {
            Preparation::Rejected { plugin, status } => self.rejected(&cycle, plugin, status),
            Preparation::Ready(prepared) => self.filtered(&cycle, &prepared),
        }
    }

    /// A PreFilter plugin rejected the pod.
    fn rejected(&self, cycle: &Cycle<'_>, plugin: &'static str, status: Status) -> PodVerdict {
        let text = status.text();
        match status.code {
            Code::Unknown if status.partial => {
                PodVerdict { unknown: vec![text], ..PodVerdict::new(Outcome::Unschedulable) }
            }
            Code::Unknown => PodVerdict { unknown: vec![text], ..PodVerdict::new(Outcome::Unknown) },
            Code::Error => error(format!("running PreFilter plugin {plugin:?}: {text}")),
            Code::Unschedulable | Code::Unresolvable => {
                let post_filter = PostFilter::after_pre_filter(cycle, plugin);
                let nodes = self.cluster.nodes.len();
                let message = fit_error(self.cluster.version, nodes, &Body::PreFilter(&text), &post_filter.text);
                PodVerdict {
                    message: Some(message),
                    pre_filter: Some(PreFilterRejection { plugin, reasons: status.reasons, message: text }),
                    ..PodVerdict::new(Outcome::Unschedulable)
                }
            }
        }
    }

    /// Filters ran on the nodes.
    fn filtered<'c>(&'c self, cycle: &Cycle<'c>, prepared: &Prepared<'c>) -> PodVerdict {
        let mut rejections = Rejections::new(cycle.cluster);
        let mut left_out = Vec::new();
        for (position, node) in cycle.cluster.nodes.iter().enumerate() {
            if let Some((names, plugins)) = &prepared.among
                && !names.contains(node.name())
                && node.name() != cycle.pod.status.nominated_node_name
            {
                left_out.push((node.name(), plugins[0]));
                continue;
            }
            if let Err(rejection) = nominated::filter(cycle.cluster, cycle.pod, prepared, node) {
                if rejection.1.code == Code::Error {
                    let (plugin, status) = rejection;
                    return error(format!("running {plugin:?} filter plugin: {}", status.text()));
                }
                rejections.insert(position, rejection);
            }
        }
        let mut verdict = PodVerdict::new(Outcome::Unschedulable);
        verdict.nodes = self.node_verdicts(&rejections, prepared, &left_out);
        verdict.unknown = missing(&rejections);
        if rejections.len() + left_out.len() < cycle.cluster.nodes.len() {
            self.fits(cycle, &mut verdict);
            return verdict;
        }
        if rejections.all().any(|(plugin, status)| is_open(plugin, status)) {
            verdict.outcome = Outcome::Unknown;
            return verdict;
        }
        if !verdict.unknown.is_empty() {
            return verdict;
        }
        self.tell(cycle, prepared, &rejections, &left_out, &mut verdict);
        verdict
    }

    /// The extender that is asked about the pod once a node has passed the filters.
    pub fn extender(&self, pod: &Pod) -> Option<&Extender> {
        self.config.extender(pod)
    }

    /// Some node passed the filters; an extender may still have a say.
    fn fits(&self, cycle: &Cycle<'_>, verdict: &mut PodVerdict) {
        match self.extender(cycle.pod) {
            Some(extender) => {
                verdict.outcome = Outcome::Unknown;
                verdict.unknown.push(match extender.url.as_str() {
                    "" => "a scheduler extender decides".to_owned(),
                    url => format!("the scheduler extender at {url} decides"),
                });
            }
            None => {
                verdict.outcome = Outcome::Schedulable;
                verdict.unknown.clear();
            }
        }
    }

    /// What the scheduler would write, and what preemption would do.
    fn tell<'c>(
        &self,
        cycle: &Cycle<'c>,
        prepared: &Prepared<'c>,
        rejections: &Rejections<'c>,
        left_out_nodes: &[(&str, &'static str)],
        verdict: &mut PodVerdict,
    ) {
        let version = self.cluster.version;
        let mut reasons: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
        for reason in rejections.all().flat_map(|(_, status)| &status.reasons) {
            *reasons.entry(reason.text()).or_default() += 1;
        }
        let absent = left_out(prepared, rejections.of(&cycle.pod.status.nominated_node_name));
        if !left_out_nodes.is_empty() && release::tells_left_out_nodes(version) {
            reasons.insert(absent.text(), left_out_nodes.len());
        }
        let post_filter = PostFilter::after_filters(cycle, prepared, rejections);
        verdict.preemption = post_filter.nominates;
        verdict.unknown = post_filter.unknown;
        if verdict.unknown.is_empty() {
            let body = Body::Reasons(reasons);
            verdict.message = Some(fit_error(version, self.cluster.nodes.len(), &body, &post_filter.text));
        }
    }

    fn node_verdicts(
        &self,
        rejections: &Rejections<'_>,
        prepared: &Prepared<'_>,
        left_out_nodes: &[(&str, &'static str)],
    ) -> Vec<NodeVerdict> {
        let left_out_nodes: HashMap<&str, &'static str> = left_out_nodes.iter().copied().collect();
        let nodes = self.cluster.nodes.iter().enumerate();
        nodes
            .map(|(position, node)| match left_out_nodes.get(node.name()) {
                Some(plugin) => NodeVerdict {
                    name: node.name().to_owned(),
                    plugin,
                    reasons: vec![left_out(prepared, None)],
                    resolvable: false,
                    fits: Some(false),
                },
                None => verdict_of(node.name(), rejections.at(position)),
            })
            .collect()
    }
}

/// Amounts of a resource on a node, in the scheduler's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    pub allocatable: i64,
    pub used: i64,
}

fn verdict_of(name: &str, rejection: Option<&Rejection>) -> NodeVerdict {
    let name = name.to_owned();
    match rejection {
        None => NodeVerdict { name, plugin: "", reasons: Vec::new(), resolvable: false, fits: Some(true) },
        Some((plugin, status)) if status.code == Code::Unknown => NodeVerdict {
            name,
            plugin: "",
            reasons: Vec::new(),
            resolvable: false,
            fits: (*plugin == framework::REJECTED_FOR_CERTAIN).then_some(false),
        },
        Some((plugin, status)) => NodeVerdict {
            name,
            plugin,
            reasons: status.reasons.clone(),
            resolvable: status.code == Code::Unschedulable,
            fits: Some(false),
        },
    }
}

/// Whether it is open if the node takes the pod.
fn is_open(plugin: &str, status: &Status) -> bool {
    status.code == Code::Unknown && plugin != framework::REJECTED_FOR_CERTAIN
}

/// The facts that were missing on any node.
fn missing(rejections: &Rejections<'_>) -> Vec<String> {
    let mut missing = BTreeSet::new();
    for (_, status) in rejections.all() {
        match status.code {
            Code::Unknown => missing.extend(status.notes.iter().map(ToString::to_string)),
            _ if status.partial => {
                missing.insert("not everything that the nodes hold could be read".to_owned());
            }
            _ => {}
        }
    }
    missing.into_iter().collect()
}

/// The reason for nodes that PreFilter left out. The node that the pod is nominated to is tried in any case, and a plugin
/// that rejects it enters upstream's list of plugins.
fn left_out(prepared: &Prepared<'_>, nominated: Option<&Rejection>) -> Reason {
    let mut plugins = prepared.among.as_ref().map_or_else(Vec::new, |(_, plugins)| plugins.clone());
    plugins.extend(nominated.map(|(plugin, _)| *plugin));
    plugins.sort_unstable();
    plugins.dedup();
    Reason::LeftOut(LeftOut { plugins })
}

/// The pod waits for its ResourceClaims before it enters the queue: no condition, no event.
fn not_queued(status: Status) -> PodVerdict {
    let text = status.text();
    if status.code == Code::Unknown {
        return PodVerdict { unknown: vec![text], ..PodVerdict::new(Outcome::Unknown) };
    }
    PodVerdict {
        pre_filter: Some(PreFilterRejection {
            plugin: plugins::dynamic_resources::NAME,
            reasons: status.reasons,
            message: text,
        }),
        ..PodVerdict::new(Outcome::Unschedulable)
    }
}

fn error(message: String) -> PodVerdict {
    PodVerdict { message: Some(message), error: true, ..PodVerdict::new(Outcome::Unschedulable) }
}
