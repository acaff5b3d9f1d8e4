//! Defaults of pods and pod templates (`pkg/apis/core/v1/defaults.go`, `zz_generated.defaults.go`).

use serde_json::{Value, json};

use super::super::json::{at, default, empty, entries, list_mut, number, set, text, truth};

/// Fills in what only a pod has, and then what its template has as well.
pub(super) fn pod(object: &mut Value) {
    template(object, "");
    for containers in ["/spec/containers", "/spec/initContainers"] {
        list_mut(object, containers).for_each(requests_from_limits);
    }
    pod_level(object);
    default(object, &["spec", "enableServiceLinks"], true);
    default(object, &["status", "phase"], "Pending");
    if truth(object, "/spec/hostNetwork") {
        for containers in ["/spec/containers", "/spec/initContainers"] {
            list_mut(object, containers).for_each(host_ports);
        }
    }
}

/// Fills in a pod's spec at a place that holds `spec`.
pub(super) fn template(object: &mut Value, place: &str) {
    let Some(holder) = object.pointer_mut(place) else { return };
    if holder.is_null() {
        return;
    }
    default(holder, &["spec", "dnsPolicy"], "ClusterFirst");
    default(holder, &["spec", "restartPolicy"], "Always");
    default(holder, &["spec", "securityContext"], json!({}));
    default(holder, &["spec", "terminationGracePeriodSeconds"], 30);
    default(holder, &["spec", "schedulerName"], "default-scheduler");
    account(holder);
    for containers in ["/spec/containers", "/spec/initContainers", "/spec/ephemeralContainers"] {
        list_mut(holder, containers).for_each(container);
    }
    list_mut(holder, "/spec/volumes").for_each(volume);
}

/// The older name of the service account's field is kept in step (`pkg/apis/core/v1/conversion.go`).
fn account(holder: &mut Value) {
    let (name, older) = (text(holder, "/spec/serviceAccountName"), text(holder, "/spec/serviceAccount"));
    let name = if name.is_empty() { older } else { name }.to_owned();
    if !name.is_empty() {
        set(holder, &["spec", "serviceAccountName"], name.as_str());
        set(holder, &["spec", "serviceAccount"], name.as_str());
    }
}

fn container(container: &mut Value) {
    let policy = if latest(text(container, "/image")) { "Always" } else { "IfNotPresent" };
    default(container, &["imagePullPolicy"], policy);
    default(container, &["terminationMessagePath"], "/dev/termination-log");
    default(container, &["terminationMessagePolicy"], "File");
    default(container, &["resources"], json!({}));
    list_mut(container, "/ports").for_each(|port| default(port, &["protocol"], "TCP"));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
            self::probe(probe);
        }
    }
    for handler in ["/lifecycle/postStart", "/lifecycle/preStop"] {
        if let Some(handler) = container.pointer_mut(handler) {
            http_get(handler);
        }
    }
    list_mut(container, "/env").filter_map(|variable| variable.get_mut("valueFrom")).for_each(field_reference);
}

/// `SetDefaults_ObjectFieldSelector`
fn field_reference(holder: &mut Value) {
    if let Some(field) = holder.get_mut("fieldRef").filter(|field| field.is_object()) {
        default(field, &["apiVersion"], "v1");
    }
}

fn probe(probe: &mut Value) {
    for (field, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        if number(probe, &format!("/{field}")).unwrap_or(0) == 0 {
            set(probe, &[field], value);
        }
    }
    if let Some(grpc) = probe.get_mut("grpc").filter(|grpc| grpc.is_object()) {
        default(grpc, &["service"], "");
    }
    http_get(probe);
}

fn http_get(handler: &mut Value) {
    if let Some(get) = handler.get_mut("httpGet").filter(|get| get.is_object()) {
        default(get, &["path"], "/");
        default(get, &["scheme"], "HTTP");
    }
}

/// Whether an image has the tag `latest`, by word or by having neither tag nor digest.
pub(crate) fn latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn volume(volume: &mut Value) {
    let Some(fields) = volume.as_object_mut() else { return };
    if fields.iter().all(|(name, value)| name == "name" || value.is_null()) {
        fields.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = volume.get_mut(source).filter(|source| source.is_object()) {
            default(source, &["defaultMode"], 0o644);
        }
    }
    if let Some(path) = volume.get_mut("hostPath").filter(|path| path.is_object()) {
        default(path, &["type"], "");
    }
    list_mut(volume, "/projected/sources").for_each(|source| {
        if let Some(token) = source.get_mut("serviceAccountToken").filter(|token| token.is_object()) {
            default(token, &["expirationSeconds"], 3600);
        }
        list_mut(source, "/downwardAPI/items").for_each(field_reference);
    });
    list_mut(volume, "/downwardAPI/items").for_each(field_reference);
    if let Some(claim) = volume.pointer_mut("/ephemeral/volumeClaimTemplate").filter(|claim| claim.is_object()) {
        default(claim, &["spec", "volumeMode"], "Filesystem");
    }
    other_sources(volume);
}

/// Sources that drivers of the tree had.
fn other_sources(volume: &mut Value) {
    let defaults: [(&str, &[(&str, Value)]); 3] = [
        ("iscsi", &[("iscsiInterface", json!("default"))]),
        ("rbd", &[("pool", json!("rbd")), ("user", json!("admin")), ("keyring", json!("/etc/ceph/keyring"))]),
        (
            "azureDisk",
            &[
                ("cachingMode", json!("ReadWrite")),
                ("kind", json!("Shared")),
                ("fsType", json!("ext4")),
                ("readOnly", json!(false)),
            ],
        ),
    ];
    for (source, fields) in defaults {
        if let Some(source) = volume.get_mut(source).filter(|source| source.is_object()) {
            fields.iter().for_each(|(field, value)| default(source, &[field], value.clone()));
        }
    }
}

/// `SetDefaults_Pod`: what is limited and not asked for is asked for up to the limit.
fn requests_from_limits(container: &mut Value) {
    let limits: Vec<(String, Value)> =
        entries(container, "/resources/limits").map(|(name, value)| (name.to_owned(), value.clone())).collect();
    for (name, value) in limits {
        default(container, &["resources", "requests", &name], value);
    }
}

/// `defaultPodRequests`: the pod's own requests from those of its containers, else from its own limits.
fn pod_level(object: &mut Value) {
    if empty(object, "/spec/resources/limits") {
        return;
    }
    let aggregate = super::super::pod::requests(object, false);
    for (name, amount) in aggregate {
        if matches!(name.as_str(), "cpu" | "memory") {
            default(object, &["spec", "resources", "requests", &name], amount.to_string());
        }
    }
    let limits: Vec<(String, Value)> =
        entries(object, "/spec/resources/limits").map(|(name, value)| (name.to_owned(), value.clone())).collect();
    for (name, value) in limits {
        if matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-") {
            default(object, &["spec", "resources", "requests", &name], value);
        }
    }
}

fn host_ports(container: &mut Value) {
    list_mut(container, "/ports").for_each(|port| {
        if number(port, "/hostPort").unwrap_or(0) == 0
            && let Some(number) = at(port, "/containerPort").cloned()
        {
            set(port, &["hostPort"], number);
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_the_pod_that_volumes_and_variables_name_are_of_version_1() {
        let item = json!([{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]);
        let mut object = json!({"spec": {"volumes": [{"name": "a", "downwardAPI": {"items": item}},
            {"name": "b", "projected": {"sources": [{"downwardAPI": {"items": item}}]}}], "containers": [{"name": "a",
            "image": "i", "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}]}});
        pod(&mut object);
        for place in [
            "volumes/0/downwardAPI/items/0",
            "volumes/1/projected/sources/0/downwardAPI/items/0",
            "containers/0/env/0/valueFrom",
        ] {
            assert_eq!(object.pointer(&format!("/spec/{place}/fieldRef/apiVersion")), Some(&json!("v1")), "{place}");
        }
    }

    #[test]
    fn a_pod_gets_what_it_does_not_say() {
        let mut object = json!({"spec": {"hostNetwork": true, "serviceAccountName": "app", "volumes": [{"name": "a"},
            {"name": "b", "secret": {"secretName": "x"}}, {"name": "c", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}],
            "containers": [{"name": "a", "image": "r/a", "ports": [{"containerPort": 80}], "livenessProbe": {"httpGet": {"port": 1}},
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}}}]}});
        pod(&mut object);
        let spec = &object["spec"];
        assert_eq!(spec["containers"][0]["resources"]["requests"], json!({"cpu": "100m", "memory": "1Gi"}));
        assert_eq!(spec["containers"][0]["imagePullPolicy"], "Always");
        assert_eq!(spec["containers"][0]["ports"][0], json!({"containerPort": 80, "hostPort": 80, "protocol": "TCP"}));
        assert_eq!(
            spec["containers"][0]["livenessProbe"]["httpGet"],
            json!({"port": 1, "path": "/", "scheme": "HTTP"})
        );
        assert_eq!(spec["volumes"][0], json!({"name": "a", "emptyDir": {}}));
        assert_eq!(spec["volumes"][1]["secret"]["defaultMode"], 420);
        assert_eq!(spec["volumes"][2]["ephemeral"]["volumeClaimTemplate"]["spec"]["volumeMode"], "Filesystem");
        assert_eq!((&spec["serviceAccount"], &spec["restartPolicy"]), (&json!("app"), &json!("Always")));
        let before = object.clone();
        pod(&mut object);
        assert_eq!(object, before);
    }

    #[test]
    fn an_image_without_tag_and_digest_is_the_latest() {
        for image in ["nginx", "nginx:latest", "r:5000/nginx"] {
            assert!(latest(image), "{image}");
        }
        for image in ["nginx:1", "nginx@sha256:ab", "r:5000/a:2"] {
            assert!(!latest(image), "{image}");
        }
    }

    #[test]
    fn the_pods_own_requests_come_from_its_containers_and_then_from_its_limits() {
        let mut object = json!({"spec": {"resources": {"limits": {"cpu": "2", "memory": "1Gi"}},
            "containers": [{"resources": {"requests": {"cpu": "250m"}}}, {"resources": {"requests": {"cpu": "250m"}}}]}});
        pod(&mut object);
        assert_eq!(object["spec"]["resources"]["requests"], json!({"cpu": "500m", "memory": "1Gi"}));
    }
}
