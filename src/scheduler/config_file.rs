//! Reads a `KubeSchedulerConfiguration` (`kubescheduler.config.k8s.io`, v1 and the older betas).

use std::collections::BTreeSet;

use serde::Deserialize;

use super::config::{Extender, ManagedResource, Point, Profile, SchedulerConfig};
use super::plugins::default_plugins;
use crate::model::lenient::model;
use crate::model::pod::{DEFAULT_SCHEDULER, TopologySpreadConstraint};
use crate::model::selector::NodeSelector;

/// Plugins that never filter.
const WITHOUT_FILTER: [&str; 6] =
    ["PrioritySort", "SchedulingGates", "NodeResourcesBalancedAllocation", "ImageLocality", "DefaultBinder", "*"];

/// Why a text is not a scheduler configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("not YAML: {0}")]
    Yaml(#[from] serde_yaml::Error),
    #[error("not a KubeSchedulerConfiguration but {0:?}")]
    Kind(String),
    #[error("the arguments of plugin {plugin}: {error}")]
    Arguments { plugin: String, error: serde_yaml::Error },
}

model! {
    /// The document.
    pub struct Document {
        pub kind: String,
        pub profiles: Vec<ProfileDocument>,
        pub extenders: Vec<ExtenderDocument>,
    }

    /// One profile of the document.
    pub struct ProfileDocument {
        pub scheduler_name: Option<String>,
        pub plugins: Plugins,
        pub plugin_config: Vec<PluginConfig>,
    }

    /// What runs where.
    pub struct Plugins {
        pub multi_point: PluginSet,
        pub pre_filter: PluginSet,
        pub filter: PluginSet,
        pub post_filter: PluginSet,
    }

    /// What is added to an extension point and taken from it.
    pub struct PluginSet {
        pub enabled: Vec<PluginName>,
        pub disabled: Vec<PluginName>,
    }

    /// A plugin.
    pub struct PluginName {
        pub name: String,
    }

    /// A plugin's arguments.
    pub struct PluginConfig {
        pub name: String,
        pub args: serde_yaml::Value,
    }

    /// One extender of the document.
    pub struct ExtenderDocument {
        pub url_prefix: String,
        pub filter_verb: String,
        pub ignorable: bool,
        pub managed_resources: Vec<ManagedResourceDocument>,
    }

    /// A resource that an extender manages.
    pub struct ManagedResourceDocument {
        pub name: String,
        pub ignored_by_scheduler: bool,
    }

    /// `NodeAffinityArgs`.
    pub struct NodeAffinityArgs {
        pub added_affinity: Option<crate::model::pod::NodeAffinity>,
    }

    /// `NodeResourcesFitArgs`.
    pub struct NodeResourcesFitArgs {
        pub ignored_resources: BTreeSet<String>,
        pub ignored_resource_groups: BTreeSet<String>,
    }

    /// `PodTopologySpreadArgs`.
    pub struct PodTopologySpreadArgs {
        pub default_constraints: Vec<TopologySpreadConstraint>,
        pub defaulting_type: String,
    }
}

/// Reads a configuration file's text.
///
/// # Errors
/// Where it is not YAML, of another kind, or has arguments of the wrong type.
pub fn parse(text: &str) -> Result<SchedulerConfig, ConfigError> {
    let document: Document = serde_yaml::from_str(text)?;
    if document.kind != "KubeSchedulerConfiguration" {
        return Err(ConfigError::Kind(document.kind.chars().take(60).collect()));
    }
    let profiles: Vec<Profile> = match document.profiles.as_slice() {
        [] => vec![Profile::default()],
        profiles => profiles.iter().map(profile).collect::<Result<_, _>>()?,
    };
    Ok(SchedulerConfig { profiles, extenders: document.extenders.into_iter().map(extender).collect() })
}

fn extender(document: ExtenderDocument) -> Extender {
    Extender {
        url: document.url_prefix,
        filters: !document.filter_verb.is_empty(),
        ignorable: document.ignorable,
        managed_resources: document
            .managed_resources
            .into_iter()
            .map(|resource| ManagedResource {
                name: resource.name,
                ignored_by_scheduler: resource.ignored_by_scheduler,
            })
            .collect(),
    }
}

fn profile(document: &ProfileDocument) -> Result<Profile, ConfigError> {
    let plugins = &document.plugins;
    let mut profile = Profile {
        scheduler_name: document.scheduler_name.clone().unwrap_or_else(|| DEFAULT_SCHEDULER.to_owned()),
        pre_filter: point(Point::PreFilter, &plugins.multi_point, &plugins.pre_filter),
        filter: point(Point::Filter, &plugins.multi_point, &plugins.filter),
        post_filter: point(Point::PostFilter, &plugins.multi_point, &plugins.post_filter),
        ..Profile::default()
    };
    profile.foreign_plugins = foreign(plugins);
    let (required_first, filters) = (default_plugins(Point::PreFilter), &profile.filter);
    let without = filters.iter().filter(|name| required_first.contains(name) && !profile.pre_filter.contains(name));
    profile.foreign_plugins.extend(without.map(|name| format!("{name} without its PreFilter")));
    for config in &document.plugin_config {
        arguments(&mut profile, config)
            .map_err(|error| ConfigError::Arguments { plugin: config.name.clone(), error })?;
    }
    Ok(profile)
}

/// The plugins of an extension point (`runtime/framework.go`, expandMultiPointPlugins): those named at the point itself
/// come first, in their order, then what remains of `multiPoint`.
fn point(point: Point, multi_point: &PluginSet, own: &PluginSet) -> Vec<String> {
    let defaults = default_plugins(point);
    let mut everywhere = reduced(&defaults, &multi_point.disabled);
    for name in multi_point.enabled.iter().map(|plugin| &plugin.name) {
        if defaults.contains(name) && !everywhere.contains(name) {
            everywhere.push(name.clone());
        }
    }
    let rest = reduced(&everywhere, &own.disabled);
    let mut order: Vec<String> =
        own.enabled.iter().map(|plugin| plugin.name.clone()).filter(|name| defaults.contains(name)).collect();
    order.extend(rest.into_iter().filter(|name| !own.enabled.iter().any(|plugin| plugin.name == *name)));
    order
}

fn reduced(names: &[String], disabled: &[PluginName]) -> Vec<String> {
    let all = disabled.iter().any(|plugin| plugin.name == "*");
    let kept = names.iter().filter(|name| !all && !disabled.iter().any(|plugin| plugin.name == **name));
    kept.cloned().collect()
}

/// Enabled plugins that are not upstream's.
fn foreign(plugins: &Plugins) -> Vec<String> {
    let known = default_plugins(Point::Filter).into_iter().chain(default_plugins(Point::PostFilter));
    let known: BTreeSet<String> = known.chain(WITHOUT_FILTER.map(str::to_owned)).collect();
    let sets = [&plugins.multi_point, &plugins.pre_filter, &plugins.filter, &plugins.post_filter];
    let enabled = sets.into_iter().flat_map(|set| &set.enabled).map(|plugin| plugin.name.clone());
    enabled.filter(|name| !known.contains(name)).collect()
}

fn arguments(profile: &mut Profile, config: &PluginConfig) -> Result<(), serde_yaml::Error> {
    let args = || config.args.clone();
    match config.name.as_str() {
        "NodeAffinity" => {
            let added: Option<NodeSelector> =
                NodeAffinityArgs::deserialize(args())?.added_affinity.and_then(|affinity| affinity.required);
            profile.added_affinity = added;
        }
        "NodeResourcesFit" => {
            let args = NodeResourcesFitArgs::deserialize(args())?;
            profile.ignored_resources = args.ignored_resources;
            profile.ignored_resource_groups = args.ignored_resource_groups;
        }
        "PodTopologySpread" => {
            let args = PodTopologySpreadArgs::deserialize(args())?;
            if args.defaulting_type == "List" {
                profile.default_constraints = args.default_constraints;
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(profile: &str) -> SchedulerConfig {
        let text = format!("apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n{profile}");
        parse(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn no_profile_means_the_default_one() {
        assert_eq!(config(""), SchedulerConfig::default());
    }

    #[test]
    fn plugins_named_at_a_point_come_first_and_disabled_ones_are_gone() {
        let config = config(
            "profiles: [{plugins: {filter: {enabled: [{name: VolumeBinding}], disabled: [{name: NodePorts}]}, \
             multiPoint: {disabled: [{name: DefaultPreemption}]}}}]",
        );
        let profile = &config.profiles[0];
        assert_eq!(profile.filter.first().map(String::as_str), Some("VolumeBinding"));
        assert_eq!(profile.filter.iter().filter(|name| *name == "VolumeBinding").count(), 1);
        assert!(
            !profile.filter.contains(&"NodePorts".to_owned()) && profile.pre_filter.contains(&"NodePorts".to_owned())
        );
        assert_eq!(profile.post_filter, ["DynamicResources"]);
    }

    #[test]
    fn a_star_disables_what_is_default_and_foreign_plugins_are_told() {
        let config = config(
            "profiles: [{schedulerName: mine, plugins: {multiPoint: {enabled: [{name: NodeName}, {name: Coscheduling}], \
             disabled: [{name: '*'}]}}}]",
        );
        assert_eq!(config.profiles[0].filter, ["NodeName"]);
        assert_eq!(config.profiles[0].foreign_plugins, ["Coscheduling"]);
        let names: Vec<&str> = config.profiles.iter().map(|profile| profile.scheduler_name.as_str()).collect();
        assert_eq!(names, ["mine"]);
    }

    #[test]
    fn extenders_resources_replace_those_of_the_profile() {
        let config = config(
            "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: [example.com/a]}}]}]\n\
             extenders: [{urlPrefix: 'http://127.0.0.1:9251', filterVerb: predicate, managedResources: \
             [{name: topolvm.io/capacity, ignoredByScheduler: true}]}]",
        );
        assert_eq!(config.profiles[0].ignored_resources, BTreeSet::from(["example.com/a".to_owned()]));
        assert_eq!(config.ignored_by_extenders(), BTreeSet::from(["topolvm.io/capacity".to_owned()]));
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        assert!(matches!(parse("kind: Pod"), Err(ConfigError::Kind(_))));
        assert!(matches!(parse(": ["), Err(ConfigError::Yaml(_))));
        let wrong = "kind: KubeSchedulerConfiguration\nprofiles: [{pluginConfig: [{name: NodeAffinity, args: 3}]}]";
        assert!(matches!(parse(wrong), Err(ConfigError::Arguments { .. })));
    }
}
