//! A real control plane for tests: `control-plane serve` (see tests/control-plane/README.md) as a child process that
//! ends with the test, and the programs beside it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses another part")]
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::unwrap_used, reason = "support for tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::Value;

use super::api::Api;

/// Leaves out the tests that need the control plane.
const SKIP: &str = "STORAGEWHY_SKIP_CONTROL_PLANE";
/// Where the programs are, without `bin`.
const DIRECTORY: &str = "STORAGEWHY_CONTROL_PLANE_DIR";
/// A disposable cluster to use instead of our own control plane.
const KUBECONFIG: &str = "STORAGEWHY_TEST_KUBECONFIG";

/// Another release of Kubernetes than the newest, such as `1.33`.
const RELEASE: &str = "STORAGEWHY_KUBE";
/// The release of the program without a release in its name.
const NEWEST: &str = "1.37";

/// How long a program may take until it is ready, on a busy machine.
const READY: Duration = Duration::from_secs(90);
/// How long a command to `serve` may take.
const ANSWER: Duration = Duration::from_secs(60);

/// The programs that tests/control-plane/build.sh makes.
#[derive(Clone, Debug)]
pub struct Programs {
    bin: PathBuf,
}

impl Programs {
    /// The programs, built where one of `needed` (`control-plane`, `control-plane-1.33`, `csi-provisioner`, `helm`,
    /// `kubectl`) is missing. `None`, and a line that says so, where the user asked to leave these tests out. Panics
    /// with a line that says what to install where they can't be built.
    pub fn find(needed: &[&str]) -> Option<Self> {
        if env::var_os(SKIP).is_some_and(|value| !value.is_empty() && value != "0") {
            eprintln!("left out: {SKIP} is set, and this needs the control plane");
            return None;
        }
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory = env::var_os(DIRECTORY).map_or_else(|| repository.join("target/control-plane"), PathBuf::from);
        let programs = Self { bin: directory.join("bin") };
        let missing: Vec<&str> = needed.iter().copied().filter(|name| !programs.path(name).exists()).collect();
        if !missing.is_empty() {
            programs.build(repository, &missing);
        }
        Some(programs)
    }

    /// Two tests of one binary don't build at the same time.
    fn build(&self, repository: &Path, missing: &[&str]) {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock();
        let hint = format!(
            "run tests/control-plane/build.sh (it needs Go, see tests/control-plane/README.md), or set {SKIP}=1"
        );
        let arguments = missing.iter().map(|name| match *name {
            "csi-provisioner" => "--provisioner".to_owned(),
            "control-plane" | "kubectl" => "--control-plane".to_owned(),
            "helm" => "--helm".to_owned(),
            older => older.replace("control-plane-", "--"),
        });
        let script = repository.join("tests/control-plane/build.sh");
        let output = Command::new(script)
            .args(arguments)
            .env(DIRECTORY, self.bin.parent().unwrap())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{} can't be built ({error}): {hint}", missing.join(", ")));
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("no output").to_owned();
            panic!("{} can't be built ({last}): {hint}", missing.join(", "));
        }
    }

    /// Where a program is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A program, with all of them on PATH (kubectl finds plugins there).
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.path(name));
        command.env("PATH", self.search_path(&[]));
        command
    }

    /// PATH with the programs, and before them the directories `first`.
    pub fn search_path(&self, first: &[&Path]) -> std::ffi::OsString {
        let system = env::var_os("PATH").unwrap_or_default();
        let ours = first.iter().map(|path| path.to_path_buf()).chain([self.bin.clone()]);
        env::join_paths(ours.chain(env::split_paths(&system))).unwrap()
    }
}

/// A child process that prints a line of JSON with `"ready":true` and ends when its stdin closes.
pub struct Service {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// The line that it printed when it was ready.
    pub ready: Value,
}

impl Service {
    /// Starts `command` (with `--stop-on-stdin-eof` added) and waits until it is ready; its stderr goes to `log`.
    ///
    /// # Errors
    /// What it wrote last where it ends before it is ready.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, String> {
        command.arg("--stop-on-stdin-eof");
        Self::start_plain(command, log, READY)
    }

    fn start_plain(mut command: Command, log: &Path, within: Duration) -> Result<Self, String> {
        let errors = fs::File::create(log).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        let mut service = Self { child, stdin, lines, ready: Value::Null };
        loop {
            let line = service.line(within).map_err(|end| format!("{end}: {}", tail(log)))?;
            if line["ready"] == true {
                service.ready = line;
                return Ok(service);
            }
        }
    }

    /// The next line of JSON.
    fn line(&mut self, within: Duration) -> Result<Value, String> {
        let end = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Ok(value) = serde_json::from_str(&line) {
                        return Ok(value);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(format!("no answer within {} s", within.as_secs())),
                Err(RecvTimeoutError::Disconnected) => return Err("it has ended".to_owned()),
            }
        }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Panics
    /// Where the command fails.
    pub fn tell(&mut self, command: &str) -> Value {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").and_then(|()| stdin.flush()).unwrap();
        let answer = self.line(ANSWER).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(answer["ok"], true, "{command}: {answer}");
        answer
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let end = Instant::now() + Duration::from_secs(15);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or_default().to_owned()
}

/// How to start a control plane, of the newest release or of the one that the user named.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More flags of `serve`, such as `--kubelet`.
    pub flags: Vec<String>,
}

/// The name of the program.
fn program() -> String {
    match env::var(RELEASE).unwrap_or_default().as_str() {
        "" | NEWEST => "control-plane".to_owned(),
        release => format!("control-plane-{release}"),
    }
}

/// A cluster for a test: our own control plane, or the disposable one that the user named.
pub struct ControlPlane {
    service: Option<Service>,
    pub programs: Programs,
    pub kubeconfig: PathBuf,
    /// The server's version, such as `v1.37.2`.
    pub version: String,
    /// The API as the cluster's administrator.
    pub api: Api,
    directory: tempfile::TempDir,
}

impl ControlPlane {
    /// Starts a control plane of our own. `None` where the user left such tests out, or named another cluster, which
    /// can't be commanded.
    pub fn start(options: &Options) -> Option<Self> {
        if env::var_os(KUBECONFIG).is_some() {
            eprintln!("left out: {KUBECONFIG} names a cluster whose scheduler can't be restarted");
            return None;
        }
        let programs = Programs::find(&[&program()])?;
        let directory = tempfile::Builder::new().prefix("storagewhy-").tempdir().unwrap();
        let service = serve(&programs, options, directory.path());
        let kubeconfig = PathBuf::from(service.ready["kubeconfig"].as_str().unwrap());
        let version = service.ready["version"].as_str().unwrap().to_owned();
        let api = Api::connect(&kubeconfig, None);
        Some(Self { service: Some(service), programs, kubeconfig, version, api, directory })
    }

    /// As [`ControlPlane::start`], or the cluster that the user named.
    pub fn start_or_given(options: &Options) -> Option<Self> {
        let Some(given) = env::var_os(KUBECONFIG) else { return Self::start(options) };
        let programs = Programs::find(&["kubectl"])?;
        let kubeconfig = PathBuf::from(given);
        let api = Api::connect(&kubeconfig, None);
        let version = api.get("/version").unwrap()["gitVersion"].as_str().unwrap().to_owned();
        let directory = tempfile::Builder::new().prefix("storagewhy-").tempdir().unwrap();
        Some(Self { service: None, programs, kubeconfig, version, api, directory })
    }

    /// Whether the cluster is ours to command.
    pub fn owned(&self) -> bool {
        self.service.is_some()
    }

    /// A folder of this cluster that goes with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Sends a command to `serve`.
    pub fn tell(&mut self, command: &str) -> Value {
        self.service.as_mut().expect("a cluster of our own").tell(command)
    }

    /// Takes everything out of the cluster that was made since the start.
    pub fn wipe(&mut self) {
        self.tell("wipe");
    }

    /// kubectl or another program, for this cluster.
    pub fn command(&self, name: &str) -> Command {
        let mut command = self.programs.command(name);
        command.env("KUBECONFIG", &self.kubeconfig).env("HOME", self.directory());
        command
    }

    /// Runs kubectl; panics where it fails.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        succeed(self.command("kubectl").args(arguments))
    }
}

fn serve(programs: &Programs, options: &Options, directory: &Path) -> Service {
    let mut refusals = Vec::new();
    for attempt in 0..5 {
        let base = free_ports(attempt);
        let data = directory.join(format!("serve-{attempt}"));
        let mut command = programs.command(&program());
        command.arg("serve").arg("--data-dir").arg(&data).arg("--port-base").arg(base.to_string());
        command.args(&options.flags);
        match Service::start(command, &directory.join("serve.log")) {
            Ok(service) => return service,
            Err(error) => refusals.push(error),
        }
    }
    panic!("the control plane does not start: {}", refusals.join("; "));
}

/// The first of five free ports in a row, below those that the system gives out. Tests that run side by side begin to
/// look at different places.
fn free_ports(attempt: u32) -> u16 {
    const LOWEST: u32 = 20_000;
    const BLOCKS: u32 = 1_000;
    static TAKEN: Mutex<u32> = Mutex::new(0);
    let mut taken = TAKEN.lock().unwrap();
    for block in 0..BLOCKS {
        *taken += 1;
        let place = (std::process::id().wrapping_mul(37) + attempt * 11 + block + *taken) % BLOCKS;
        let base = u16::try_from(LOWEST + place * 10).unwrap();
        if (base..base + 5).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return base;
        }
    }
    panic!("no free ports between {LOWEST} and {}", LOWEST + BLOCKS * 10);
}

/// Runs a command and gives its stdout; panics with its stderr where it fails.
pub fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Asks again and again, ten times a second, until there is an answer; panics with `what` after `seconds`.
pub fn wait_for<T>(what: &str, seconds: u64, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
