//! In-tree volumes as the CSI volumes that they are taken for (`k8s.io/csi-translation-lib`).

use std::collections::BTreeSet;

use crate::model::meta::Map;
use crate::model::pod::{AwsElasticBlockStore, AzureDisk, AzureFile, PodVolume};
use crate::model::selector::{NodeSelector, NodeSelectorTerm, Requirement, TopologyRequirement, TopologySelectorTerm};
use crate::model::{CsiNode, Meta, Node, StorageClass, Version, Volume};

const AWS_EBS: &str = "kubernetes.io/aws-ebs";
const AZURE_DISK: &str = "kubernetes.io/azure-disk";
const AZURE_FILE: &str = "kubernetes.io/azure-file";
const CINDER: &str = "kubernetes.io/cinder";
const GCE_PD: &str = "kubernetes.io/gce-pd";
const PORTWORX: &str = "kubernetes.io/portworx-volume";
const VSPHERE: &str = "kubernetes.io/vsphere-volume";

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";
const VSPHERE_ZONE: &str = "topology.csi.vmware.com/zone";
const VSPHERE_REGION: &str = "topology.csi.vmware.com/region";
/// Parts the zones in a volume's zone label.
const ZONE_DELIMITER: &str = "__";

/// Names the resource group of an Azure file share; it is part of the handle.
const AZURE_RESOURCE_GROUP: &str = "kubernetes.io/azure-file-resource-group";

/// Where a node's kubelet names the plugins that it leaves to their CSI drivers.
pub(crate) const MIGRATED_PLUGINS: &str = "storage.alpha.kubernetes.io/migrated-plugins";

/// The CSI volume that an in-tree volume is taken for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CsiIdentity {
    pub driver: &'static str,
    pub handle: String,
    /// The required node affinity after translation; inline volumes have none.
    pub node_affinity: Option<NodeSelector>,
}

/// The CSI driver that has taken over an in-tree plugin, given the plugin's name (`kubernetes.io/aws-ebs`).
pub(crate) fn csi_driver_of(plugin: &str) -> Option<&'static str> {
    Some(match plugin {
        AWS_EBS => "ebs.csi.aws.com",
        AZURE_DISK => "disk.csi.azure.com",
        AZURE_FILE => "file.csi.azure.com",
        CINDER => "cinder.csi.openstack.org",
        GCE_PD => "pd.csi.storage.gke.io",
        PORTWORX => "pxd.portworx.com",
        VSPHERE => "csi.vsphere.vmware.com",
        _ => return None,
    })
}

/// Whether a node leaves an in-tree plugin's volumes to the CSI driver that took it over (nodeUsesCSIPlugin of
/// `pkg/controller/volume/attachdetach/util`). Where the CSINode has no list, the kubelet's release decides.
pub(crate) fn taken_over(plugin: &str, csi_node: Option<&CsiNode>, node: Option<&Node>) -> bool {
    if let Some(list) = csi_node.and_then(|csi_node| csi_node.metadata.annotations.get(MIGRATED_PLUGINS)) {
        return list.split(',').any(|name| name == plugin);
    }
    let kubelet = node.and_then(|node| node.status.node_info.kubelet_version.parse::<Version>().ok());
    kubelet.is_none_or(|kubelet| kubelet >= migrated_since(plugin))
}

/// The release whose kubelets leave the plugin's volumes to the CSI driver unless they are told otherwise
/// (`pkg/features/kube_features.go`, CSIMigration…).
fn migrated_since(plugin: &str) -> Version {
    let minor = match plugin {
        CINDER => 21,
        AWS_EBS | AZURE_DISK | GCE_PD => 23,
        AZURE_FILE => 24,
        VSPHERE => 25,
        _ => 31,
    };
    Version::new(1, minor)
}

/// The in-tree plugin of a volume, where a CSI driver has taken it over.
pub(crate) fn in_tree_plugin(volume: &Volume) -> Option<&'static str> {
    let spec = &volume.spec;
    plugin_of([
        (AWS_EBS, spec.aws_elastic_block_store.is_some()),
        (AZURE_DISK, spec.azure_disk.is_some()),
        (AZURE_FILE, spec.azure_file.is_some()),
        (CINDER, spec.cinder.is_some()),
        (GCE_PD, spec.gce_persistent_disk.is_some()),
        (PORTWORX, spec.portworx_volume.is_some()),
        (VSPHERE, spec.vsphere_volume.is_some()),
    ])
}

/// The in-tree plugin of a pod's inline volume, where a CSI driver has taken it over.
pub(crate) fn inline_plugin(volume: &PodVolume) -> Option<&'static str> {
    plugin_of([
        (AWS_EBS, volume.aws_elastic_block_store.is_some()),
        (AZURE_DISK, volume.azure_disk.is_some()),
        (AZURE_FILE, volume.azure_file.is_some()),
        (CINDER, volume.cinder.is_some()),
        (GCE_PD, volume.gce_persistent_disk.is_some()),
        (PORTWORX, volume.portworx_volume.is_some()),
        (VSPHERE, volume.vsphere_volume.is_some()),
    ])
}

/// The CSI volume that an in-tree volume is taken for. `None` where the volume has no plugin that was taken over, or
/// where upstream fails to translate it; [`in_tree_plugin`] tells the two apart.
pub(crate) fn translate(volume: &Volume) -> Option<CsiIdentity> {
    let plugin = in_tree_plugin(volume)?;
    let spec = &volume.spec;
    let handle = match plugin {
        AWS_EBS => ebs_handle(spec.aws_elastic_block_store.as_ref()?)?,
        AZURE_DISK => azure_disk_handle(spec.azure_disk.as_ref()?)?,
        AZURE_FILE => azure_file_handle(volume, spec.azure_file.as_ref()?)?,
        CINDER => spec.cinder.as_ref()?.volume_id.clone(),
        GCE_PD => gce_handle(&volume.metadata.labels, &spec.gce_persistent_disk.as_ref()?.pd_name)?,
        PORTWORX => spec.portworx_volume.as_ref()?.volume_id.clone(),
        _ => spec.vsphere_volume.as_ref()?.volume_path.clone(),
    };
    let affinity = volume.required_node_affinity().cloned();
    let labels = &volume.metadata.labels;
    let node_affinity = match plugin {
        AWS_EBS | CINDER | GCE_PD => translate_topology(affinity, labels, zone_key_of(plugin)?),
        VSPHERE => translate_vsphere_topology(affinity, labels),
        _ => affinity,
    };
    Some(CsiIdentity { driver: csi_driver_of(plugin)?, handle, node_affinity })
}

/// The CSI volume that a pod's inline in-tree volume is taken for; `None` as for [`translate`].
pub(crate) fn translate_inline(volume: &PodVolume, namespace: &str) -> Option<CsiIdentity> {
    let plugin = inline_plugin(volume)?;
    let handle = match plugin {
        AWS_EBS => ebs_handle(volume.aws_elastic_block_store.as_ref()?)?,
        AZURE_DISK => azure_disk_handle(volume.azure_disk.as_ref()?)?,
        AZURE_FILE => {
            let share = volume.azure_file.as_ref()?;
            let namespace = if namespace.is_empty() { "default" } else { namespace };
            format!("#{}#{}#{}#{namespace}", azure_account(&share.secret_name), share.share_name, volume.name)
        }
        CINDER => volume.cinder.as_ref()?.volume_id.clone(),
        GCE_PD => gce_handle(&Map::new(), &volume.gce_persistent_disk.as_ref()?.pd_name)?,
        PORTWORX => volume.portworx_volume.as_ref()?.volume_id.clone(),
        _ => volume.vsphere_volume.as_ref()?.volume_path.clone(),
    };
    Some(CsiIdentity { driver: csi_driver_of(plugin)?, handle, node_affinity: None })
}

/// The allowed topologies of a class as the CSI driver is given them: unchanged for a driver's own class, with the
/// driver's zone key for an in-tree plugin's, where `zone` and `zones` parameters count too. `None` where the class has
/// both, which the provisioner refuses.
pub(crate) fn allowed_topologies(class: &StorageClass) -> Option<Vec<TopologySelectorTerm>> {
    let plugin = class.provisioner.as_str();
    let Some(key) = zone_key_of(plugin) else { return Some(class.allowed_topologies.clone()) };
    let zones = match plugin {
        AWS_EBS | AZURE_DISK | GCE_PD => {
            class.parameters.iter().find_map(|(name, value)| match name.to_ascii_lowercase().as_str() {
                "zone" => Some(vec![value.clone()]),
                "zones" => Some(value.split(',').map(str::to_owned).collect()),
                _ => None,
            })
        }
        _ => None,
    };
    let mut terms = class.allowed_topologies.clone();
    match zones {
        Some(_) if !terms.is_empty() => return None,
        Some(values) => {
            let requirement = TopologyRequirement { key: key.to_owned(), values };
            terms.push(TopologySelectorTerm { match_label_expressions: vec![requirement] });
        }
        None => {}
    }
    for requirement in terms.iter_mut().flat_map(|term| &mut term.match_label_expressions) {
        if [ZONE, BETA_ZONE].contains(&requirement.key.as_str()) {
            key.clone_into(&mut requirement.key);
        }
        if plugin == AZURE_DISK && requirement.key == key {
            requirement.values.iter_mut().filter(|value| is_fault_domain(value)).for_each(String::clear);
        }
    }
    Some(terms)
}

/// The zone key of a driver that has taken over an in-tree plugin.
fn zone_key_of(plugin: &str) -> Option<&'static str> {
    Some(match plugin {
        AWS_EBS => "topology.ebs.csi.aws.com/zone",
        AZURE_DISK => "topology.disk.csi.azure.com/zone",
        CINDER => "topology.cinder.csi.openstack.org/zone",
        GCE_PD => "topology.gke.io/zone",
        VSPHERE => VSPHERE_ZONE,
        _ => return None,
    })
}

/// In regions without zones Azure numbers fault domains; the driver has the empty zone for them.
fn is_fault_domain(zone: &str) -> bool {
    !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_digit())
}

fn plugin_of<const N: usize>(sources: [(&'static str, bool); N]) -> Option<&'static str> {
    sources.into_iter().find_map(|(plugin, present)| present.then_some(plugin))
}

/// `vol-…` from that or from `aws://ZONE/vol-…`.
fn ebs_handle(source: &AwsElasticBlockStore) -> Option<String> {
    let Some(location) = source.volume_id.strip_prefix("aws://") else { return Some(source.volume_id.clone()) };
    let (_, path) = location.split_once('/')?;
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    (path.starts_with("vol-") && !path.contains('/')).then(|| path.to_owned())
}

/// Only managed disks are translated.
fn azure_disk_handle(source: &AzureDisk) -> Option<String> {
    let managed = source.kind.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case("Managed"));
    managed.then(|| source.disk_uri.clone())
}

fn azure_file_handle(volume: &Volume, source: &AzureFile) -> Option<String> {
    let Meta { name, annotations, .. } = &volume.metadata;
    let group = annotations.get(AZURE_RESOURCE_GROUP).map_or("", String::as_str);
    let claim = volume.spec.claim_ref.as_ref();
    let namespace = source.secret_namespace.as_deref().or(claim.map(|claim| claim.namespace.as_str()))?;
    let account = azure_account(&source.secret_name);
    (!namespace.is_empty()).then(|| format!("{group}#{account}#{}#{name}#{namespace}", source.share_name))
}

/// `NAME` from a secret that is called `azure-storage-account-NAME-secret`, else the secret's name.
fn azure_account(secret: &str) -> &str {
    let account = secret.split_once("azure-storage-account-").and_then(|(_, rest)| rest.rsplit_once("-secret"));
    account.map(|(name, _)| name).filter(|name| !name.is_empty()).unwrap_or(secret)
}

/// Zonal with one zone in the labels, regional with several, else with the zone left open.
fn gce_handle(labels: &Map, disk: &str) -> Option<String> {
    let label = |key: &str| labels.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let zones = label(BETA_ZONE).or(label(ZONE)).unwrap_or("UNSPECIFIED");
    if !zones.contains(ZONE_DELIMITER) {
        return Some(format!("projects/UNSPECIFIED/zones/{zones}/disks/{disk}"));
    }
    let region = gce_region(zones.split(ZONE_DELIMITER))?;
    Some(format!("projects/UNSPECIFIED/regions/{region}/disks/{disk}"))
}

/// The one region of these zones, each written `LOCALE-REGION-ZONE`.
fn gce_region<'a>(zones: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let regions: Option<BTreeSet<&str>> = zones.map(gce_region_of).collect();
    let regions = regions.filter(|regions| regions.len() == 1)?;
    regions.into_iter().next()
}

fn gce_region_of(zone: &str) -> Option<&str> {
    let (region, _) = zone.rsplit_once('-')?;
    (region.matches('-').count() == 1).then_some(region)
}

/// Why upstream fails to translate an in-tree volume, in its words (`plugins/gce_pd.go`); `None` where it doesn't fail, or
/// where its words are not known.
pub(crate) fn untranslatable(volume: &Volume) -> Option<String> {
    volume.spec.gce_persistent_disk.as_ref()?;
    let labels = &volume.metadata.labels;
    let label = |key: &str| labels.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let zones: Vec<&str> = label(BETA_ZONE).or(label(ZONE))?.split(ZONE_DELIMITER).collect();
    if zones.len() < 2 || gce_region(zones.iter().copied()).is_some() {
        return None;
    }
    let why = match zones.iter().find(|zone| gce_region_of(zone).is_none()) {
        Some(zone) => {
            format!("zone in unexpected format, expected: {{locale}}-{{region}}-{{zone}}, got: {zone}")
        }
        None => {
            let regions: BTreeSet<&str> = zones.iter().filter_map(|zone| gce_region_of(zone)).collect();
            let regions: Vec<String> = regions.into_iter().map(|region| format!("{region}:{{}}")).collect();
            format!("multiple or no regions gotten from zones, got: map[{}]", regions.join(" "))
        }
    };
    Some(format!("failed to get region from zones: {why}"))
}

/// Renames the zone key of the affinity, or adds the zones of the volume's labels to each term where the affinity
/// names none; beta region keys become the stable ones (`plugins/in_tree_volume.go`).
fn translate_topology(affinity: Option<NodeSelector>, labels: &Map, csi_key: &str) -> Option<NodeSelector> {
    let (zone, region) = topology_labels(affinity.as_ref(), labels);
    let mut affinity = affinity;
    if has_values(affinity.as_ref(), zone) {
        rename_key(affinity.as_mut(), zone, csi_key);
    } else if let Some(label) = labels.get(zone) {
        add_topology(&mut affinity, csi_key, label.split(ZONE_DELIMITER));
    }
    if region == BETA_REGION {
        rename_key(affinity.as_mut(), BETA_REGION, REGION);
    }
    affinity
}

/// As [`translate_topology`], for vSphere's two keys; a label holds one value.
fn translate_vsphere_topology(affinity: Option<NodeSelector>, labels: &Map) -> Option<NodeSelector> {
    let (zone, region) = topology_labels(affinity.as_ref(), labels);
    let mut affinity = affinity;
    for (key, csi_key) in [(zone, VSPHERE_ZONE), (region, VSPHERE_REGION)] {
        if has_values(affinity.as_ref(), key) {
            rename_key(affinity.as_mut(), key, csi_key);
        } else if let Some(label) = labels.get(key) {
            add_topology(&mut affinity, csi_key, std::iter::once(label.as_str()));
        }
    }
    affinity
}

/// Whether a volume's label says where the volume is.
pub(crate) fn is_topology_label(key: &str) -> bool {
    matches!(key, ZONE | REGION | BETA_ZONE | BETA_REGION)
}

/// The zone and region keys that the volume uses: the affinity's before its labels', stable before beta.
fn topology_labels(affinity: Option<&NodeSelector>, labels: &Map) -> (&'static str, &'static str) {
    let beta = if uses_key(affinity, ZONE) {
        false
    } else if uses_key(affinity, BETA_ZONE) {
        true
    } else {
        !labels.contains_key(ZONE) && labels.contains_key(BETA_ZONE)
    };
    if beta { (BETA_ZONE, BETA_REGION) } else { (ZONE, REGION) }
}

fn requirements<'a>(affinity: Option<&'a NodeSelector>, key: &'a str) -> impl Iterator<Item = &'a Requirement> {
    let terms = affinity.map_or(&[][..], |affinity| &affinity.node_selector_terms);
    terms.iter().flat_map(|term| &term.match_expressions).filter(move |requirement| requirement.key == key)
}

fn uses_key(affinity: Option<&NodeSelector>, key: &str) -> bool {
    requirements(affinity, key).next().is_some()
}

fn has_values(affinity: Option<&NodeSelector>, key: &str) -> bool {
    requirements(affinity, key).any(|requirement| !requirement.values.is_empty())
}

fn rename_key(affinity: Option<&mut NodeSelector>, from: &str, to: &str) {
    let terms = affinity.into_iter().flat_map(|affinity| &mut affinity.node_selector_terms);
    for requirement in terms.flat_map(|term| &mut term.match_expressions).filter(|r| r.key == from) {
        to.clone_into(&mut requirement.key);
    }
}

fn add_topology<'a>(affinity: &mut Option<NodeSelector>, key: &str, zones: impl Iterator<Item = &'a str>) {
    let mut values: Vec<String> = zones.map(|zone| zone.trim().to_owned()).filter(|zone| !zone.is_empty()).collect();
    values.sort();
    values.dedup();
    if values.is_empty() {
        return;
    }
    let terms = &mut affinity.get_or_insert_default().node_selector_terms;
    if terms.is_empty() {
        terms.push(NodeSelectorTerm::default());
    }
    for term in terms {
        term.match_expressions.push(Requirement {
            key: key.to_owned(),
            operator: "In".to_owned(),
            values: values.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn volume(value: Value) -> Volume {
        serde_json::from_value(value).unwrap()
    }

    fn affinity(terms: Value) -> NodeSelector {
        serde_json::from_value(json!({ "nodeSelectorTerms": terms })).unwrap()
    }

    fn handle(spec: Value) -> Option<String> {
        translate(&volume(json!({ "metadata": { "name": "pv" }, "spec": spec }))).map(|identity| identity.handle)
    }

    #[test]
    fn the_nodes_list_decides_whether_a_driver_takes_over_and_without_it_the_kubelets_release() {
        let csi_node = |list: Option<&str>| -> CsiNode {
            let annotations = list.map(|list| json!({ (MIGRATED_PLUGINS): list }));
            serde_json::from_value(json!({ "metadata": { "name": "n", "annotations": annotations } })).unwrap()
        };
        let node = |kubelet: &str| -> Node {
            serde_json::from_value(json!({ "status": { "nodeInfo": { "kubeletVersion": kubelet } } })).unwrap()
        };
        let listed = csi_node(Some("kubernetes.io/cinder,kubernetes.io/aws-ebs"));
        assert!(taken_over(AWS_EBS, Some(&listed), Some(&node("v1.20.0"))));
        assert!(!taken_over(GCE_PD, Some(&listed), Some(&node("v1.30.0"))));
        for (kubelet, expected) in [("v1.22.1", false), ("v1.23.0", true), ("", true)] {
            assert_eq!(taken_over(AWS_EBS, Some(&csi_node(None)), Some(&node(kubelet))), expected, "{kubelet}");
        }
        assert!(taken_over(AWS_EBS, None, None));
    }

    #[test]
    fn each_taken_over_plugin_has_its_driver_and_no_other_has_one() {
        for (plugin, driver) in [
            ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
            ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
            ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
            ("kubernetes.io/azure-file", "file.csi.azure.com"),
            ("kubernetes.io/cinder", "cinder.csi.openstack.org"),
            ("kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"),
            ("kubernetes.io/portworx-volume", "pxd.portworx.com"),
        ] {
            assert_eq!(csi_driver_of(plugin), Some(driver));
        }
        for plugin in ["kubernetes.io/no-provisioner", "kubernetes.io/rbd", "ebs.csi.aws.com", "aws-ebs", ""] {
            assert_eq!(csi_driver_of(plugin), None, "{plugin}");
        }
    }

    #[test]
    fn handles_take_the_form_that_the_driver_gives() {
        let ebs = |id: &str| handle(json!({ "awsElasticBlockStore": { "volumeID": id } }));
        assert_eq!(ebs("vol-1").as_deref(), Some("vol-1"));
        assert_eq!(ebs("aws://eu-west-1a/vol-1").as_deref(), Some("vol-1"));
        assert_eq!(ebs("aws:///vol-1").as_deref(), Some("vol-1"));
        assert_eq!(ebs("aws://eu-west-1a/disk-1"), None, "not a volume's id");
        let disk = |kind: Value| handle(json!({ "azureDisk": { "diskName": "d", "diskURI": "/a/d", "kind": kind } }));
        assert_eq!(disk(json!("Managed")).as_deref(), Some("/a/d"));
        assert_eq!(disk(Value::Null).as_deref(), Some("/a/d"));
        assert_eq!(disk(json!("Dedicated")), None);
        assert_eq!(handle(json!({ "cinder": { "volumeID": "c" } })).as_deref(), Some("c"));
        assert_eq!(handle(json!({ "vsphereVolume": { "volumePath": "[ds] v" } })).as_deref(), Some("[ds] v"));
        assert_eq!(handle(json!({ "portworxVolume": { "volumeID": "p" } })).as_deref(), Some("p"));
        assert_eq!(handle(json!({ "csi": { "driver": "ebs.csi.aws.com", "volumeHandle": "vol-1" } })), None);
    }

    #[test]
    fn azure_file_handles_hold_group_account_share_name_and_namespace() {
        let share = json!({ "shareName": "s", "secretName": "azure-storage-account-acc-secret" });
        let spec = json!({ "azureFile": share, "claimRef": { "namespace": "app", "name": "c" } });
        let meta = json!({ "name": "pv", "annotations": { AZURE_RESOURCE_GROUP: "rg" } });
        let identity = translate(&volume(json!({ "metadata": meta, "spec": spec }))).unwrap();
        assert_eq!(identity.handle, "rg#acc#s#pv#app");
        assert_eq!(handle(json!({ "azureFile": share })), None, "no namespace to take the secret from");
        let own = json!({ "azureFile": { "shareName": "s", "secretName": "key", "secretNamespace": "kube" } });
        assert_eq!(handle(own).as_deref(), Some("#key#s#pv#kube"));
        let inline: PodVolume = serde_json::from_value(json!({ "name": "v", "azureFile": share })).unwrap();
        assert_eq!(translate_inline(&inline, "app").unwrap().handle, "#acc#s#v#app");
    }

    #[test]
    fn gce_handles_are_zonal_regional_or_open() {
        let disk = |labels: Value| {
            let spec = json!({ "gcePersistentDisk": { "pdName": "d" } });
            translate(&volume(json!({ "metadata": { "name": "pv", "labels": labels }, "spec": spec })))
                .map(|identity| identity.handle)
        };
        let open = "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d";
        assert_eq!(disk(json!({})).as_deref(), Some(open));
        let zonal = "projects/UNSPECIFIED/zones/us-east1-b/disks/d";
        assert_eq!(disk(json!({ ZONE: "us-east1-b" })).as_deref(), Some(zonal));
        assert_eq!(disk(json!({ ZONE: "x", BETA_ZONE: "us-east1-b" })).as_deref(), Some(zonal), "beta is read first");
        let regional = "projects/UNSPECIFIED/regions/us-east1/disks/d";
        assert_eq!(disk(json!({ ZONE: "us-east1-b__us-east1-c" })).as_deref(), Some(regional));
        assert_eq!(disk(json!({ ZONE: "us-east1-b__us-west1-c" })), None, "zones of two regions");
        assert_eq!(disk(json!({ ZONE: "a__b" })), None, "no region in the names");
        let why = |labels: Value| {
            let spec = json!({ "gcePersistentDisk": { "pdName": "d" } });
            untranslatable(&volume(json!({ "metadata": { "name": "pv", "labels": labels }, "spec": spec })))
        };
        let format =
            "failed to get region from zones: zone in unexpected format, expected: {locale}-{region}-{zone}, got: a";
        assert_eq!(why(json!({ ZONE: "a__b" })).as_deref(), Some(format));
        let several = "failed to get region from zones: multiple or no regions gotten from zones, got: \
                       map[us-east1:{} us-west1:{}]";
        assert_eq!(why(json!({ ZONE: "us-west1-c__us-east1-b" })).as_deref(), Some(several));
        assert_eq!(why(json!({ ZONE: "us-east1-b__us-east1-c" })), None);
        let inline: PodVolume =
            serde_json::from_value(json!({ "name": "v", "gcePersistentDisk": { "pdName": "d" } })).unwrap();
        assert_eq!(translate_inline(&inline, "app").unwrap().handle, open);
    }

    #[test]
    fn zone_keys_are_renamed_in_every_term_and_other_keys_stay() {
        let terms = json!([
            { "matchExpressions": [{ "key": BETA_ZONE, "operator": "In", "values": ["a"] },
                                   { "key": BETA_REGION, "operator": "In", "values": ["r"] }] },
            { "matchExpressions": [{ "key": "host", "operator": "Exists" }] }
        ]);
        let spec = json!({ "awsElasticBlockStore": { "volumeID": "vol-1" },
                           "nodeAffinity": { "required": { "nodeSelectorTerms": terms } } });
        let identity = translate(&volume(json!({ "metadata": { "labels": { ZONE: "b" } }, "spec": spec }))).unwrap();
        let expected = affinity(json!([
            { "matchExpressions": [{ "key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": ["a"] },
                                   { "key": REGION, "operator": "In", "values": ["r"] }] },
            { "matchExpressions": [{ "key": "host", "operator": "Exists" }] }
        ]));
        assert_eq!(identity.node_affinity, Some(expected));
    }

    #[test]
    fn zones_of_labels_become_affinity_where_the_affinity_names_none() {
        let spec = json!({ "cinder": { "volumeID": "c" } });
        let labelled = |labels: Value, spec: &Value| {
            translate(&volume(json!({ "metadata": { "labels": labels }, "spec": spec }))).unwrap().node_affinity
        };
        let key = "topology.cinder.csi.openstack.org/zone";
        let zones = json!({ "key": key, "operator": "In", "values": ["a", "b"] });
        let expected = affinity(json!([{ "matchExpressions": [zones] }]));
        assert_eq!(labelled(json!({ ZONE: "b__a__b" }), &spec), Some(expected));
        assert_eq!(labelled(json!({ ZONE: "" }), &spec), None);
        assert_eq!(labelled(json!({}), &spec), None);
        let host = json!({ "key": "host", "operator": "Exists" });
        let with_host = json!({ "cinder": { "volumeID": "c" },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [host] }] } } });
        let expected = affinity(json!([{ "matchExpressions": [host, zones] }]));
        assert_eq!(labelled(json!({ BETA_ZONE: "a__b" }), &with_host), Some(expected));
        let disk = json!({ "azureDisk": { "diskURI": "/d" } });
        assert_eq!(labelled(json!({ ZONE: "a" }), &disk), None, "azure disks are not given their labels' zone");
    }

    #[test]
    fn vsphere_takes_zone_and_region() {
        let spec = json!({ "vsphereVolume": { "volumePath": "[ds] v" } });
        let meta = json!({ "labels": { ZONE: "z", REGION: "r" } });
        let expected = affinity(json!([{ "matchExpressions": [
            { "key": "topology.csi.vmware.com/zone", "operator": "In", "values": ["z"] },
            { "key": "topology.csi.vmware.com/region", "operator": "In", "values": ["r"] }
        ] }]));
        let identity = translate(&volume(json!({ "metadata": meta, "spec": spec }))).unwrap();
        assert_eq!(identity.node_affinity, Some(expected));
    }

    #[test]
    fn allowed_topologies_take_the_drivers_key() {
        let allowed = |class: Value| {
            let terms = allowed_topologies(&serde_json::from_value(class).unwrap())?;
            Some(serde_json::to_value(terms).unwrap())
        };
        let term = |key: &str, values: Value| json!([{ "matchLabelExpressions": [{ "key": key, "values": values }] }]);
        let own = json!({ "provisioner": "csi.example.com", "allowedTopologies": term(ZONE, json!(["a"])) });
        assert_eq!(allowed(own), Some(term(ZONE, json!(["a"]))));
        let ebs = "topology.ebs.csi.aws.com/zone";
        let beta = json!({ "provisioner": AWS_EBS, "allowedTopologies": term(BETA_ZONE, json!(["a"])) });
        assert_eq!(allowed(beta), Some(term(ebs, json!(["a"]))));
        let zones = json!({ "provisioner": AWS_EBS, "parameters": { "Zones": "a,b" } });
        assert_eq!(allowed(zones), Some(term(ebs, json!(["a", "b"]))));
        let both = json!({ "provisioner": AWS_EBS, "parameters": { "zone": "a" },
                           "allowedTopologies": term(ZONE, json!(["a"])) });
        assert_eq!(allowed(both), None);
        let azure = json!({ "provisioner": AZURE_DISK, "allowedTopologies": term(ZONE, json!(["0", "eu-1"])) });
        assert_eq!(allowed(azure), Some(term("topology.disk.csi.azure.com/zone", json!(["", "eu-1"]))));
        let cinder = json!({ "provisioner": CINDER, "parameters": { "zone": "a" } });
        assert_eq!(allowed(cinder), Some(json!([])), "Cinder takes the parameter itself");
    }
}
