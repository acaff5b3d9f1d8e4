//! The control plane on which scenes are played, with a stand-in kubelet and, where a scene has a driver, the real
//! external-provisioner with a stand-in driver behind it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::report::{Report, text};
use super::scene::{Scene, Step};
use crate::support::control_plane::{ControlPlane, Options, Programs, Service, wait_for};
use crate::support::leash::Leash;
use crate::support::tools::Tools;

/// How long the state may take to settle, and Kubernetes to answer to the commands: its scheduler backs off for ten
/// seconds at most.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// How long nothing may change until a state counts as settled: the volume controller looks every two seconds.
const QUIET: Duration = Duration::from_millis(2_500);
/// Seconds that one printed command may take.
const LIMIT: &str = "60";

pub struct Stage {
    plane: ControlPlane,
    tools: Tools,
    folder: PathBuf,
    driver: Option<(Leash, Service)>,
}

impl Stage {
    /// `None` where the user left the control plane out.
    pub fn open() -> Option<Self> {
        let programs = Programs::find(&["kubectl", "csi-provisioner"])?;
        let plane = ControlPlane::start(&Options { flags: vec!["--kubelet".to_owned()] })?;
        let tools = Tools { programs, kubeconfig: plane.kubeconfig.clone() };
        let folder = plane.directory().to_owned();
        Some(Self { plane, tools, folder, driver: None })
    }

    /// An empty cluster, and then the scene's state.
    pub fn set(&mut self, scene: &Scene) -> Result<(), String> {
        self.driver = None;
        self.plane.wipe();
        self.folder = self.plane.directory().join(&scene.name);
        std::fs::create_dir_all(&self.folder).unwrap();
        for step in &scene.steps {
            match step {
                Step::Make(objects) => self.make(objects)?,
                Step::Run(command) => drop(self.shell(command, &scene.choices)?),
                Step::Tell(command) => drop(self.plane.tell(command)),
            }
        }
        if let Some(storage) = &scene.driver {
            self.driver = Some(self.start_driver(storage));
        }
        Ok(())
    }

    /// Nodes come first, and are open before anything is placed: the scheduler does not look again at a pod that the
    /// opened node refuses all the same.
    fn make(&self, objects: &[Value]) -> Result<(), String> {
        let (nodes, others): (Vec<Value>, Vec<Value>) =
            objects.iter().cloned().partition(|object| object["kind"] == "Node");
        let made = self.plane.api.create_all(&nodes);
        if !nodes.is_empty() {
            wait_for("the nodes are open", PATIENCE.as_secs(), || {
                self.list("/api/v1/nodes").iter().all(|node| node["status"]["allocatable"].is_object()).then_some(())
            });
        }
        made.and_then(|()| self.plane.api.create_all(&others)).map_err(|refusal| refusal.to_string())
    }

    /// Starts what a scene has only once the commands have run.
    pub fn go_on(&mut self, scene: &Scene) {
        if let Some(storage) = &scene.driver_later {
            self.driver = Some(self.start_driver(storage));
        }
        if scene.stops_controllers() {
            self.plane.tell("controller-manager start");
        }
    }

    fn start_driver(&self, storage: &Value) -> (Leash, Service) {
        let (socket, state) = (self.folder.join("csi.sock"), self.folder.join("storage.json"));
        std::fs::write(&state, storage.to_string()).unwrap();
        let mut driver = self.plane.command("control-plane");
        driver.arg("csi-driver").arg("--socket").arg(&socket).arg("--state").arg(&state);
        let driver = Service::start(driver, &self.folder.join("driver.log")).unwrap();
        let words = [
            format!("--kubeconfig={}", self.plane.kubeconfig.display()),
            format!("--csi-address={}", socket.display()),
            "--feature-gates=Topology=true".to_owned(),
            "--enable-capacity".to_owned(),
            "--capacity-ownerref-level=-1".to_owned(),
            "--capacity-poll-interval=2s".to_owned(),
        ];
        let environment = [("NAMESPACE", "kube-system"), ("POD_NAME", "provisioner")];
        let program = self.plane.programs.path("csi-provisioner");
        (Leash::start(&program, &words, &environment, &self.folder.join("provisioner.log")), driver)
    }

    /// Runs commands as they stand, as a reader pastes them into a shell.
    pub fn shell(&self, commands: &str, choices: &BTreeMap<String, String>) -> Result<String, String> {
        let mut shell = Command::new("timeout");
        shell
            .current_dir(&self.folder)
            .args([LIMIT, "sh", "-ec", commands])
            .envs(choices)
            .env("PATH", self.plane.programs.search_path(&[]))
            .env("HOME", &self.folder)
            .env("KUBECONFIG", &self.plane.kubeconfig);
        let output = shell.stdin(Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!("{commands}: {}: {errors}", output.status))
        }
    }

    /// The report, once the cluster has settled and the scheduler has written of every pod what is foreseen.
    pub fn diagnose(&self, after: Option<i64>) -> Result<Report, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            self.quiet();
            let report = match after {
                None => self.report(&[])?,
                Some(seconds) => self.report(&["--from", &self.collect(seconds)])?,
            };
            match report.misjudged() {
                None => return Ok(report),
                Some(other) if Instant::now() > end => return Err(other),
                Some(_) => thread::sleep(Duration::from_secs(1)),
            }
        }
    }

    fn report(&self, from: &[&str]) -> Result<Report, String> {
        let run = self.tools.storagewhy(&[&["diagnose", "-A", "-o", "json"], from].concat());
        serde_json::from_str(&run.stdout).map(Report).map_err(|error| format!("{error}: {}", run.stderr))
    }

    /// The state as the tool collects it, called taken that many seconds later.
    fn collect(&self, seconds: i64) -> String {
        let file = self.folder.join("collected.json").display().to_string();
        let run = self.tools.storagewhy(&["collect", "-A", "-f", &file]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let mut snapshot: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let taken: Timestamp = text(&snapshot["metadata"]["taken"]).parse().unwrap();
        snapshot["metadata"]["taken"] = (taken + SignedDuration::from_secs(seconds)).to_string().into();
        std::fs::write(&file, snapshot.to_string()).unwrap();
        file
    }

    /// An object; null where there is none.
    pub fn get(&self, path: &str) -> Value {
        self.plane.api.get(path).unwrap_or_default()
    }

    /// The objects under a path.
    pub fn list(&self, path: &str) -> Vec<Value> {
        self.get(path)["items"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until nothing has changed for a while.
    fn quiet(&self) {
        let end = Instant::now() + PATIENCE;
        let (mut last, mut since) = (self.versions(), Instant::now());
        while since.elapsed() < QUIET && Instant::now() < end {
            thread::sleep(Duration::from_millis(100));
            let now = self.versions();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }

    /// Which pods, claims, volumes, workloads and nodes there are, and in which version.
    fn versions(&self) -> String {
        let paths = [
            "/api/v1/pods",
            "/api/v1/persistentvolumeclaims",
            "/api/v1/persistentvolumes",
            "/api/v1/nodes",
            "/apis/apps/v1/replicasets",
            "/apis/apps/v1/statefulsets",
        ];
        let lists = self.plane.api.many(&paths.map(|path| (Method::GET, path.to_owned(), None)));
        let items = lists.into_iter().flat_map(|list| list.unwrap()["items"].as_array().cloned().unwrap_or_default());
        items.map(|item| item["metadata"]["resourceVersion"].to_string()).collect()
    }
}
