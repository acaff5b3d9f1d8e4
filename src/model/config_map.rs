//! Config maps: their names, and of a driver's own configuration what is known.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::kind::Object;
use super::lenient::{is_default, model, nullable};
use super::meta::{Map, Meta};

/// TopoLVM's key (`topolvm/docs/lvmd.md`).
const LVMD: &str = "lvmd.yaml";
/// ceph-csi's key (`ceph-csi/docs/static-pvc.md`, csi-config-map).
const CEPH: &str = "config.json";
/// The longest text of a key that is looked into, in bytes.
const LONGEST: usize = 64 << 10;

/// A config map. Of what is in it only the fields that are named here are kept, and the names of its keys never.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigMap {
    #[serde(deserialize_with = "nullable")]
    pub metadata: Meta,
    /// What `lvmd.yaml` says of TopoLVM's device classes; `None` without the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_classes: Option<Vec<DeviceClassConfig>>,
    /// The clusters of which ceph-csi's `config.json` tells; `None` without the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_ids: Option<Vec<String>>,
    #[serde(deserialize_with = "texts", skip_serializing_if = "is_default")]
    data: Map,
}

model! {
    /// A device class of lvmd.
    pub struct DeviceClassConfig {
        pub name: String,
        pub volume_group: String,
        /// GiB that are kept free; 10 where it is not said.
        pub spare_gb: Option<i64>,
        pub default: bool,
    }
}

impl Object for ConfigMap {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut Meta {
        &mut self.metadata
    }

    fn redact(&mut self) {
        let Meta { name, namespace, annotations, labels, .. } = std::mem::take(&mut self.metadata);
        let data = std::mem::take(&mut self.data);
        let text = |key: &str| data.get(key).filter(|text| text.len() <= LONGEST);
        self.device_classes = self.device_classes.take().or_else(|| text(LVMD).and_then(|text| device_classes(text)));
        self.cluster_ids = self.cluster_ids.take().or_else(|| text(CEPH).and_then(|text| cluster_ids(text)));
        self.metadata = Meta { name, namespace, ..Meta::default() };
        if self.device_classes.is_some() || self.cluster_ids.is_some() {
            self.metadata.annotations = annotations;
            self.metadata.annotations.retain(|key, _| key.starts_with("meta.helm.sh/") || key.contains("argoproj.io/"));
            self.metadata.labels = labels;
            self.metadata.labels.retain(|key, _| key == "helm.sh/chart");
        }
    }
}

fn device_classes(text: &str) -> Option<Vec<DeviceClassConfig>> {
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let config = Value::deserialize(documents.next()?).ok()?;
    let classes = config.get("device-classes")?.as_array()?;
    let text = |class: &Value, field: &str| class[field].as_str().unwrap_or_default().to_owned();
    let class = |class: &Value| DeviceClassConfig {
        name: text(class, "name"),
        volume_group: text(class, "volume-group"),
        spare_gb: class["spare-gb"].as_i64(),
        default: class["default"].as_bool().unwrap_or_default(),
    };
    Some(classes.iter().map(class).collect())
}

fn cluster_ids(text: &str) -> Option<Vec<String>> {
    let clusters: Vec<Value> = serde_json::from_str(text).ok()?;
    Some(clusters.iter().filter_map(|cluster| cluster["clusterID"].as_str()).map(str::to_owned).collect())
}

/// The keys whose value is a text; of any other value nothing is kept, as it is none that the API knows.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
    let all: Option<serde_json::Map<String, Value>> = Option::deserialize(deserializer)?;
    let known = all.into_iter().flatten().filter(|(key, _)| key == LVMD || key == CEPH);
    Ok(known.filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(data: Value) -> ConfigMap {
        let object = json!({"metadata": {"name": "c", "namespace": "n", "labels": {"a": "b"}}, "data": data});
        let mut map: ConfigMap = serde_json::from_value(object).unwrap();
        map.redact();
        map
    }

    #[test]
    fn of_lvmd_only_the_device_classes_stay() {
        let text = "socket-name: /run/x\ndevice-classes:\n- {name: ssd, volume-group: vg, spare-gb: 10, secret: x}\n";
        let map = read(json!({"lvmd.yaml": text, "password": "hunter2"}));
        let classes = map.device_classes.as_ref().unwrap();
        assert_eq!((classes[0].name.as_str(), classes[0].spare_gb), ("ssd", Some(10)));
        let written = serde_json::to_string(&map).unwrap();
        assert!(
            !written.contains("secret") && !written.contains("hunter2") && !written.contains("socket"),
            "{written}"
        );
    }

    #[test]
    fn of_ceph_only_the_clusters_names_stay() {
        let map = read(json!({"config.json": r#"[{"clusterID": "a", "monitors": ["10.0.0.1"]}]"#}));
        assert_eq!(map.cluster_ids.as_deref(), Some(&["a".to_owned()][..]));
        assert!(!serde_json::to_string(&map).unwrap().contains("10.0.0.1"));
    }

    #[test]
    fn what_is_no_configuration_leaves_the_name() {
        for data in [json!({"lvmd.yaml": 7}), json!({"lvmd.yaml": "a: [", "config.json": "{}"}), json!(null), json!({})]
        {
            let map = read(data);
            assert!(map.device_classes.is_none() && map.cluster_ids.is_none());
            assert!(map.metadata.labels.is_empty());
        }
        let long = format!("device-classes: []\n# {}", "x".repeat(LONGEST));
        assert!(read(json!({ "lvmd.yaml": long })).device_classes.is_none());
    }

    #[test]
    fn what_was_kept_is_read_again() {
        let map = read(json!({"lvmd.yaml": "device-classes: [{name: ssd}]"}));
        let mut again: ConfigMap = serde_json::from_value(serde_json::to_value(&map).unwrap()).unwrap();
        again.redact();
        assert_eq!(again, map);
    }
}
