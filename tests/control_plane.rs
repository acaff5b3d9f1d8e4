//! The control plane that other tests use, itself.

mod support {
    pub mod api;
    pub mod control_plane;
}

use serde_json::json;
use support::control_plane::{ControlPlane, Options, wait_for};

#[test]
fn a_cluster_is_filled_judged_by_its_scheduler_and_emptied() {
    let Some(mut plane) = ControlPlane::start(&Options::default()) else { return };
    let amounts = json!({ "cpu": "1", "memory": "1Gi", "pods": "10" });
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "small" },
        "status": { "allocatable": amounts, "capacity": amounts }
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "big", "namespace": "default" },
        "spec": { "containers": [{ "name": "main", "image": "i", "resources": { "requests": { "cpu": "2" } } }] }
    });
    plane.api.create_all(&[pod, node]).unwrap();
    let message = wait_for("a condition", 20, || {
        let pod = plane.api.get("/api/v1/namespaces/default/pods/big").unwrap();
        pod["status"]["conditions"][0]["message"].as_str().map(str::to_owned)
    });
    assert!(message.contains("Insufficient cpu"), "{message}");
    assert!(plane.kubectl(&["get", "nodes"]).contains("small"));
    plane.tell("scheduler stop");
    plane.wipe();
    let nodes = plane.api.get("/api/v1/nodes").unwrap();
    assert_eq!(nodes["items"], json!([]));
}
