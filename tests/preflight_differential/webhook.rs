//! A stand-in for webhooks that answer.

use serde_json::Value;

use crate::support::control_plane::{ControlPlane, Service};

/// Answers until it is dropped.
pub struct Webhook {
    _service: Service,
}

impl Webhook {
    /// Starts the stand-in for the service `hooks/hook` with its rules.
    pub fn start(plane: &ControlPlane, rules: &Value) -> Self {
        let file = plane.directory().join("webhook-rules.json");
        std::fs::write(&file, rules.to_string()).unwrap();
        let mut command = plane.programs.command("control-plane");
        command.args(["webhook", "--service", "hook", "--namespace", "hooks", "--configuration-name", "hook"]);
        command.arg("--kubeconfig").arg(&plane.kubeconfig).arg("--rules").arg(&file);
        let service = Service::start(command, &plane.directory().join("webhook.log")).unwrap();
        Self { _service: service }
    }
}
