//! The stage: one control plane for all tests of this binary, and what runs beside it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::manifests::{FREE, SYSTEM, Vault, WORKER, cluster};
use super::report::Report;
use crate::support::control_plane::{ControlPlane, Options, Programs, Service, wait_for};
use crate::support::leash::Leash;
use crate::support::tools::Tools;

/// How long anything may take that Kubernetes does by itself, in seconds.
pub const PATIENCE: u64 = 60;

/// The values of the story's release: placement by a scheduler extender, which nobody wired.
pub const BY_EXTENDER: &[&str] = &[
    "scheduler.enabled=true",
    "controller.storageCapacityTracking.enabled=false",
    "webhook.podMutatingWebhook.enabled=true",
];
/// Storage capacity tracking, and the webhook left over.
pub const LEFT_OVER: &[&str] = &["webhook.podMutatingWebhook.enabled=true"];
/// The chart's defaults: storage capacity tracking alone.
pub const BY_TRACKING: &[&str] = &[];
/// Nothing runs of TopoLVM's controller, which serves the webhook and has the provisioner beside it.
pub const STOPPED: &str = "controller.replicaCount=0";

/// A cluster with TopoLVM in it. What runs beside the control plane ends with it.
pub struct Scene {
    webhook: Option<Service>,
    provisioner: Option<(Vec<String>, Leash)>,
    _driver: Service,
    folder: tempfile::TempDir,
    pub tools: Tools,
    cluster: MutexGuard<'static, ControlPlane>,
}

/// The chart that stands for TopoLVM's.
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/charts/topolvm-mini")
}

/// The control plane, empty, whoever had it before; `None` where the user left it out.
fn control_plane() -> Option<MutexGuard<'static, ControlPlane>> {
    static CLUSTER: OnceLock<Option<Mutex<ControlPlane>>> = OnceLock::new();
    let start = || {
        Programs::find(&["kubectl", "helm", "csi-provisioner"])?;
        let options = Options { flags: vec!["--kubelet".to_owned()] };
        ControlPlane::start(&options).map(Mutex::new)
    };
    let mut cluster = CLUSTER.get_or_init(start).as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
    cluster.wipe();
    Some(cluster)
}

impl Scene {
    /// The story's four nodes and TopoLVM's release, with these values.
    pub fn open(values: &[&str]) -> Option<Self> {
        let plane = control_plane()?;
        let tools = Tools { programs: plane.programs.clone(), kubeconfig: plane.kubeconfig.clone() };
        let folder = tempfile::Builder::new().prefix("storagewhy-").tempdir().unwrap();
        tools.apply(&cluster());
        let driver = start_driver(&plane, folder.path());
        let mut scene = Self { webhook: None, provisioner: None, _driver: driver, folder, tools, cluster: plane };
        scene.upgrade(values);
        Some(scene)
    }

    /// As [`Scene::open`], with Vault applied and its pods judged by the scheduler.
    pub fn with_vault(values: &[&str], vault: Vault) -> Option<Self> {
        let mut scene = Self::open(values)?;
        scene.tools.apply(&[vault.set()]);
        for pod in vault.pods() {
            scene.wait_for_pod(pod, |pod| condition(pod, "PodScheduled").is_some());
        }
        scene.rejudge();
        Some(scene)
    }

    /// Installs the release or changes its values, keeping the others.
    pub fn upgrade(&mut self, values: &[&str]) {
        let chart = chart();
        let mut words =
            vec!["upgrade", "--install", "topolvm", chart.to_str().unwrap(), "-n", SYSTEM, "--reuse-values"];
        words.extend(values.iter().flat_map(|value| ["--set", value]));
        self.tools.helm(&words);
        self.follow_chart();
    }

    /// Carries out the commands of a remedy as they are printed, in order.
    pub fn carry_out(&mut self, commands: &[&str]) {
        for command in commands {
            self.tools.paste(command, &chart());
            self.follow_chart();
        }
    }

    /// Runs what the Deployment `topolvm-controller` says: the webhook's server, and the provisioner with its flags.
    fn follow_chart(&mut self) {
        let controller = self.tools.get(&["deployment", "topolvm-controller", "-n", SYSTEM]).unwrap();
        let running = controller["spec"]["replicas"].as_i64() > Some(0);
        let hook = self.tools.get(&["mutatingwebhookconfiguration", "topolvm-hook"]).is_some();
        if !(running && hook) {
            self.webhook = None;
        } else if self.webhook.is_none() {
            self.webhook = Some(start_webhook(&self.cluster, self.folder.path()));
        }
        let flags = running.then(|| provisioner_flags(&controller, self.folder.path()));
        if self.provisioner.as_ref().map(|(flags, _)| flags) != flags.as_ref() {
            self.provisioner = None;
            self.provisioner = flags.map(|flags| (flags.clone(), self.start_provisioner(&flags)));
        }
        self.wait_for_endpoints(running);
    }

    /// The controller's pods run, or are gone.
    fn wait_for_endpoints(&self, wanted: bool) {
        wait_for("the controller's Service has endpoints as the Deployment says", PATIENCE, || {
            let selector = "kubernetes.io/service-name=topolvm-controller";
            let slices = self.tools.get(&["endpointslices", "-n", SYSTEM, "-l", selector])?;
            let slices = slices["items"].as_array()?.clone();
            let ready = slices.iter().any(|slice| slice["endpoints"][0]["conditions"]["ready"] == true);
            (ready == wanted).then_some(())
        });
    }

    fn start_provisioner(&self, flags: &[String]) -> Leash {
        let environment = [("NAMESPACE", SYSTEM), ("POD_NAME", "provisioner")];
        let mut words = vec![format!("--kubeconfig={}", self.cluster.kubeconfig.display())];
        words.extend_from_slice(flags);
        let log = self.folder.path().join("provisioner.log");
        Leash::start(&self.cluster.programs.path("csi-provisioner"), &words, &environment, &log)
    }

    /// A pod of Vault's, once it is as wanted.
    pub fn wait_for_pod(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let what = format!("pod {name} is as wanted");
        wait_for(&what, PATIENCE, || self.tools.get(&["pod", name, "-n", "vault"]).filter(|pod| wanted(pod)))
    }

    /// Waits until a pod runs and its claims are bound.
    pub fn wait_until_placed(&self, name: &str) {
        let pod = self.wait_for_pod(name, |pod| pod["status"]["phase"] == "Running");
        assert_eq!(pod["spec"]["nodeName"], WORKER);
        for claim in ["data", "audit"] {
            let claim = self.tools.get(&["pvc", &format!("{claim}-{name}"), "-n", "vault"]).unwrap();
            assert_eq!(claim["status"]["phase"], "Bound", "{claim}");
        }
    }

    /// The scheduler judges every pending pod anew, so that no condition is older than the state.
    pub fn rejudge(&mut self) {
        self.cluster.tell("scheduler stop");
        let pending = self.pending();
        for pod in &pending {
            let patch = json!([{"op": "add", "path": "/status/conditions", "value": []}]).to_string();
            let words = ["patch", "pod", pod, "-n", "vault", "--subresource=status", "--type=json", "-p", &patch];
            self.tools.kubectl(&words);
        }
        self.cluster.tell("scheduler start");
        for pod in &pending {
            self.wait_for_pod(pod, |pod| condition(pod, "PodScheduled").is_some());
        }
    }

    fn pending(&self) -> Vec<String> {
        let Some(pods) = self.tools.get(&["pods", "-n", "vault"]) else { return Vec::new() };
        let pods = pods["items"].as_array().unwrap().iter().filter(|pod| pod["spec"]["nodeName"].is_null());
        pods.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// What the tool says of Vault's namespace. Whatever the scene: the prediction for each pending pod is what the
    /// scheduler wrote, and a collected snapshot gives the same report byte for byte, but for its time.
    pub fn diagnose(&self) -> Report {
        let words = ["diagnose", "-n", "vault", "-o", "json"];
        let report = self.settled(&words);
        for name in self.pending() {
            let pod = self.tools.get(&["pod", &name, "-n", "vault"]).unwrap();
            let written = condition(&pod, "PodScheduled").expect("the scheduler has judged the pod");
            assert_eq!(report.pod(&name)["message"], written["message"], "{name}");
        }
        report
    }

    /// A live report that the snapshot collected right after it gives as well. What changes meanwhile (an event, a
    /// condition) makes it try again.
    fn settled(&self, words: &[&str]) -> Report {
        let file = self.folder.path().join("snapshot.json.gz");
        let file = file.to_str().unwrap();
        let mut last = None;
        for _ in 0..10 {
            let live = self.tools.storagewhy(words);
            let collected = self.tools.storagewhy(&["collect", "-n", "vault", "-f", file]);
            assert_eq!(collected.code, 0, "{}", collected.stderr);
            let offline = self.tools.storagewhy(&[words, &["--from", file]].concat());
            if live.undated() == offline.undated() && live.code == offline.code {
                return Report::read(live);
            }
            last = Some((live, offline));
        }
        let (live, offline) = last.unwrap();
        assert_eq!(live.undated(), offline.undated(), "{} {}", live.stderr, offline.stderr);
        panic!("exit codes differ: live {}, collected {}", live.code, offline.code);
    }
}

/// A condition of a pod, where the pod has it.
pub fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    pod["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn start_driver(plane: &ControlPlane, folder: &Path) -> Service {
    let state = json!({"topologyKey": "topology.topolvm.io/node", "nodes": {WORKER: {"free": FREE}}});
    let file = folder.join("storage.json");
    std::fs::write(&file, state.to_string()).unwrap();
    let mut command = plane.command("control-plane");
    command.arg("csi-driver").arg("--socket").arg(folder.join("csi.sock")).arg("--state").arg(file);
    Service::start(command, &folder.join("csi-driver.log")).unwrap()
}

fn start_webhook(plane: &ControlPlane, folder: &Path) -> Service {
    let mut command = plane.command("control-plane");
    command.arg("webhook").arg("--kubeconfig").arg(&plane.kubeconfig);
    command.args(["--service", "topolvm-controller", "--namespace", SYSTEM, "--configuration-name", "topolvm-hook"]);
    Service::start(command, &folder.join("webhook.log")).unwrap()
}

/// The flags that the chart gives the provisioner, made fit for a process beside the cluster.
fn provisioner_flags(controller: &Value, folder: &Path) -> Vec<String> {
    let containers = controller["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    let provisioner = containers.iter().find(|container| container["name"] == "csi-provisioner").unwrap();
    let given = provisioner["args"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap().to_owned());
    let owned_by_a_pod = |flag: &String| flag.starts_with("--capacity-ownerref-level");
    let mut flags: Vec<String> = given.filter(|flag| !owned_by_a_pod(flag)).collect();
    flags.push(format!("--csi-address={}", folder.join("csi.sock").display()));
    if flags.iter().any(|flag| flag == "--enable-capacity") {
        flags.extend(["--capacity-ownerref-level=-1", "--capacity-poll-interval=2s"].map(str::to_owned));
    }
    flags
}
