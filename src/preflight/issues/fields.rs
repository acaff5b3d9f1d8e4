//! The fields that a text of the server or the scheduler is about.

use serde_json::Value;

/// Where the pod's own `spec` stands in an object of a kind; `None` for kinds without pods.
pub(in crate::preflight) fn pod_spec(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("spec"),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController" => {
            Some("spec.template.spec")
        }
        "CronJob" => Some("spec.jobTemplate.spec.template.spec"),
        "PodTemplate" => Some("template.spec"),
        _ => None,
    }
}

/// The fields that the server's `… is invalid: …` names, each with what it says of it.
pub(in crate::preflight) fn invalid(message: &str) -> Vec<(String, String)> {
    let Some((_, told)) = message.split_once(" is invalid: ") else { return Vec::new() };
    let told = told.strip_prefix('[').and_then(|told| told.strip_suffix(']')).unwrap_or(told);
    let mut found: Vec<(String, String)> = Vec::new();
    for piece in told.split(", ") {
        match piece.split_once(": ").filter(|(path, _)| is_path(path)) {
            Some((path, what)) => found.push((path.to_owned(), what.to_owned())),
            None => {
                if let Some((_, what)) = found.last_mut() {
                    what.push_str(", ");
                    what.push_str(piece);
                }
            }
        }
    }
    found
}

fn is_path(text: &str) -> bool {
    let root = text.split(['.', '[']).next().unwrap_or_default();
    let known = ["spec", "metadata", "data", "status", "webhooks", "parameters", "template", "type", "provisioner"];
    !text.contains(' ')
        && (known.contains(&root) || text.contains('.') && root.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// The field of an object that the server's other refusals are about, by what they say.
pub(super) fn refused(object: &Value, message: &str) -> String {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    if message.starts_with("no matches for kind") {
        return "apiVersion".to_owned();
    }
    if message.starts_with("namespaces \"") || message.contains("because it is being terminated") {
        return "metadata.namespace".to_owned();
    }
    let pod = pod_spec(kind);
    let in_pod = |field: &str| pod.map(|spec| format!("{spec}.{field}"));
    let words = [
        ("no PriorityClass with name", "priorityClassName"),
        ("RuntimeClass", "runtimeClassName"),
        ("service account", "serviceAccountName"),
        ("serviceaccount", "serviceAccountName"),
        ("exceeded quota", "containers[0].resources"),
        ("failed quota", "containers[0].resources"),
        ("usage per Container", "containers[0].resources"),
        ("usage per Pod", "containers[0].resources"),
    ];
    if kind == "StatefulSet" && message.contains("persistentvolumeclaims") {
        return claim_template(object, message);
    }
    if let Some((_, told)) = message.split_once(" PodSecurity ") {
        return pod.map_or_else(String::new, |spec| format!("{spec}.{}", insecure(object, spec, told)));
    }
    if kind == "PersistentVolumeClaim" && (message.contains("quota") || message.contains("usage per")) {
        return "spec.resources.requests[storage]".to_owned();
    }
    if counted(message) {
        return String::new();
    }
    let known = words.iter().find(|(word, _)| message.contains(word));
    known.and_then(|(_, field)| in_pod(field)).unwrap_or_default()
}

/// Whether a quota is exceeded by nothing but the number of objects.
fn counted(message: &str) -> bool {
    let asked = message.split_once("exceeded quota: ").and_then(|(_, told)| told.split_once("requested: "));
    let asked = asked.map(|(_, told)| told.split_once(", used: ").map_or(told, |(asked, _)| asked));
    asked.is_some_and(|asked| {
        asked.split(',').all(|one| one.trim().starts_with("count/") || one.trim().starts_with("pods="))
    })
}

/// The claim template of a StatefulSet that a message names a claim of, and its size where that is too much.
fn claim_template(object: &Value, message: &str) -> String {
    let set = object["metadata"]["name"].as_str().unwrap_or_default();
    let templates = object["spec"]["volumeClaimTemplates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |template: &Value| {
        let name = template["metadata"]["name"].as_str()?;
        message.contains(&format!("persistentvolumeclaims \"{name}-{set}-")).then_some(())
    };
    let Some(index) = templates.iter().position(|template| named(template).is_some()) else {
        return "spec.volumeClaimTemplates".to_owned();
    };
    let size = ["requests.storage", "storage usage per"].iter().any(|word| message.contains(word));
    let field = if size { ".spec.resources.requests[storage]" } else { "" };
    format!("spec.volumeClaimTemplates[{index}]{field}")
}

/// The field of a pod that a pod security level forbids first, by what the server says of it.
fn insecure(object: &Value, spec: &str, told: &str) -> String {
    let host = ["hostNetwork", "hostPID", "hostIPC"].into_iter().find(|field| told.contains(&format!("{field}=true")));
    if let Some(field) = host {
        return field.to_owned();
    }
    let pod = object.pointer(&format!("/{}", spec.replace('.', "/"))).unwrap_or(&Value::Null);
    let meant = |container: &Value| {
        let name = container["name"].as_str().unwrap_or_default();
        ["container", "containers"].iter().any(|word| told.contains(&format!("{word} \"{name}\"")))
    };
    let volumes = told.find("volumes");
    match containers(pod).find(|(_, container)| meant(container)) {
        Some((index, container)) if volumes.is_none_or(|at| told.find("container").is_some_and(|first| first < at)) => {
            let name = container["name"].as_str().unwrap_or_default();
            let field = if told.contains(&format!("\"{name}\" uses hostPort")) { "ports" } else { "securityContext" };
            format!("containers[{index}].{field}")
        }
        _ if volumes.is_some() => "volumes".to_owned(),
        _ => "containers".to_owned(),
    }
}

/// The field of an object that is in the way of its pods by kube-scheduler's message; `spec` is where the pod's own `spec`
/// stands in it. `None` where the message is about no field.
pub(in crate::preflight) fn scheduled(object: &Value, spec: &str, message: &str) -> Option<String> {
    let words = [
        ("persistentvolumeclaim", "volumes"),
        ("unbound immediate PersistentVolumeClaims", "volumes"),
        ("didn't find available persistent volumes", "volumes"),
        ("volume node affinity conflict", "volumes"),
        ("did not have enough free storage", "volumes"),
        ("exceed max volume count", "volumes"),
        ("didn't satisfy existing pods anti-affinity", "affinity.podAntiAffinity"),
        ("didn't match pod anti-affinity rules", "affinity.podAntiAffinity"),
        ("didn't match pod affinity rules", "affinity.podAffinity"),
        ("didn't match pod topology spread constraints", "topologySpreadConstraints"),
        ("didn't have free ports", "containers"),
        ("Insufficient ", "containers"),
        ("Too many pods", "containers"),
        ("didn't match Pod's node affinity/selector", "affinity.nodeAffinity"),
        ("had untolerated taint", "tolerations"),
    ];
    let (word, field) = words.iter().find(|(word, _)| message.contains(word))?;
    let pod = object.pointer(&format!("/{}", spec.replace('.', "/")))?;
    let within = match *word {
        "Insufficient " => asking(pod, message.split_once("Insufficient ")?.1),
        "didn't have free ports" => taking_ports(pod),
        "didn't match Pod's node affinity/selector" if pod.get("nodeSelector").is_some() => "nodeSelector".to_owned(),
        _ => (*field).to_owned(),
    };
    Some(format!("{spec}.{within}"))
}

fn containers(pod: &Value) -> impl Iterator<Item = (usize, &Value)> {
    pod.get("containers").and_then(Value::as_array).into_iter().flatten().enumerate()
}

/// The first container that asks for the resource whose name a text begins with; a limit alone is a request as well.
fn asking(pod: &Value, text: &str) -> String {
    let name = text.split([',', ' ']).next().unwrap_or_default().trim_end_matches('.');
    let field = |(index, container): (usize, &Value)| {
        let given = |list: &&str| container["resources"][*list].get(name).is_some();
        let list = ["requests", "limits"].into_iter().find(given)?;
        Some(format!("containers[{index}].resources.{list}[{name}]"))
    };
    containers(pod).find_map(field).unwrap_or_else(|| "containers[0].resources".to_owned())
}

fn taking_ports(pod: &Value) -> String {
    let ports = |container: &Value| container["ports"].as_array().cloned().unwrap_or_default();
    let takes = |container: &Value| ports(container).iter().any(|port| port.get("hostPort").is_some());
    let index = containers(pod).find(|(_, container)| takes(container)).map_or(0, |(index, _)| index);
    format!("containers[{index}].ports")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_are_invalid_are_taken_from_the_server_s_words() {
        let one = "PersistentVolumeClaim \"a\" is invalid: spec.accessModes: Required value: at least 1 access mode is required";
        assert_eq!(invalid(one)[0].0, "spec.accessModes");
        let two = "Pod \"a\" is invalid: [spec.containers[0].image: Required value, spec.volumes[0].name: Invalid value: \"a, b\": \
                   must be x, y]";
        let found = invalid(two);
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["spec.containers[0].image", "spec.volumes[0].name"]);
        assert_eq!(found[1].1, "Invalid value: \"a, b\": must be x, y");
        assert_eq!(invalid("pods \"a\" is forbidden: exceeded quota: x"), []);
    }

    #[test]
    fn refusals_are_about_fields_by_their_words() {
        let object = |kind: &str| json!({"kind": kind});
        let class = "pods \"a\" is forbidden: no PriorityClass with name high was found";
        assert_eq!(refused(&object("CronJob"), class), "spec.jobTemplate.spec.template.spec.priorityClassName");
        assert_eq!(refused(&object("Pod"), "namespaces \"x\" not found"), "metadata.namespace");
        let quota =
            "persistentvolumeclaims \"data-a-0\" is forbidden: exceeded quota: q, requested: requests.storage=1Gi";
        assert_eq!(refused(&object("StatefulSet"), quota), "spec.volumeClaimTemplates");
        let set = json!({"kind": "StatefulSet", "metadata": {"name": "a"}, "spec": {"volumeClaimTemplates": [
            {"metadata": {"name": "log"}}, {"metadata": {"name": "data"}}]}});
        assert_eq!(refused(&set, quota), "spec.volumeClaimTemplates[1].spec.resources.requests[storage]");
        let count = quota.replace("requests.storage=1Gi", "persistentvolumeclaims=1");
        assert_eq!(refused(&set, &count), "spec.volumeClaimTemplates[1]");
        let sets = "statefulsets.apps \"a\" is forbidden: exceeded quota: q, requested: count/statefulsets.apps=1, used: count/\
                    statefulsets.apps=1, limited: count/statefulsets.apps=1";
        assert_eq!(refused(&set, sets), "");
        let cpu = "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=1, used: x, limited: y";
        assert_eq!(refused(&object("Deployment"), cpu), "spec.template.spec.containers[0].resources");
        assert_eq!(refused(&object("PersistentVolumeClaim"), quota), "spec.resources.requests[storage]");
    }

    #[test]
    fn what_a_pod_security_level_forbids_is_a_field_of_the_pod() {
        let pod = json!({"kind": "Pod", "spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
        let field = |told: &str| {
            refused(&pod, &format!("pods \"x\" is forbidden: violates PodSecurity \"baseline:latest\": {told}"))
        };
        assert_eq!(
            field("host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volume \"v\")"),
            "spec.hostNetwork"
        );
        assert_eq!(field("hostPath volumes (volume \"v\")"), "spec.volumes");
        assert_eq!(field("hostPort (container \"b\" uses hostPort 80)"), "spec.containers[1].ports");
        let privileged = "privileged (container \"b\" must not set securityContext.privileged=true)";
        assert_eq!(field(privileged), "spec.containers[1].securityContext");
        assert_eq!(
            field(&format!("{privileged}, hostPath volumes (volume \"v\")")),
            "spec.containers[1].securityContext"
        );
        assert_eq!(field("something new"), "spec.containers");
    }

    #[test]
    fn what_the_scheduler_says_is_about_the_field_that_asks_for_it() {
        let pod = json!({"spec": {"nodeSelector": {"a": "b"}, "containers": [
            {"name": "a", "ports": [{"containerPort": 80}]},
            {"name": "b", "ports": [{"hostPort": 80}], "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}}]}});
        let field = |message: &str| scheduled(&pod, "spec", message).unwrap_or_default();
        let lacks = |name: &str| field(&format!("0/1 nodes are available: 1 Insufficient {name}. no new claims"));
        assert_eq!(lacks("cpu"), "spec.containers[1].resources.requests[cpu]");
        assert_eq!(lacks("memory"), "spec.containers[1].resources.limits[memory]");
        assert_eq!(lacks("ephemeral-storage"), "spec.containers[0].resources");
        assert_eq!(field("1 node(s) didn't have free ports for the requested pod ports"), "spec.containers[1].ports");
        assert_eq!(field("1 node(s) didn't match Pod's node affinity/selector"), "spec.nodeSelector");
        assert_eq!(scheduled(&pod, "spec", "something else"), None);
    }
}
