//! How a scene is played.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fmt, fs, thread};

use serde_json::Value;

use super::report::{Report, text};
use super::scene::{Remedy, Scene, Then};
use super::stage::{PATIENCE, Stage};

/// What came of a scene.
pub struct Played {
    name: String,
    root: String,
    /// The first remedy.
    remedy: String,
    /// What came of trying it on the copy of the state.
    pub trial: String,
    /// Whether its commands are the remedy, and no mere looks.
    pub carried_out: bool,
    failure: Option<String>,
    seconds: f32,
}

impl Played {
    /// What was otherwise than foreseen.
    pub fn failure(&self) -> Option<String> {
        self.failure.as_ref().map(|failure| format!("{}: {failure}", self.name))
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = if self.failure.is_some() { "FAILED" } else { "ok" };
        let Self { name, root, remedy, trial, .. } = self;
        write!(f, "{name:<34} {root:<26} {trial:<14} {result:<9} {remedy}")
    }
}

/// Plays a scene to its end.
pub fn play(stage: &mut Stage, scene: &Scene) -> Played {
    let begin = Instant::now();
    let mut played = Played {
        name: scene.name.clone(),
        root: scene.root.clone(),
        remedy: String::new(),
        trial: String::new(),
        carried_out: scene.remedy == Remedy::CarryOut,
        failure: None,
        seconds: 0.0,
    };
    played.failure = act(stage, scene, &mut played).err();
    played.seconds = begin.elapsed().as_secs_f32();
    println!(
        "{} {:.1} s{}",
        played.name,
        played.seconds,
        played.failure().map_or(String::new(), |why| format!("\n  {why}"))
    );
    played
}

fn act(stage: &mut Stage, scene: &Scene, played: &mut Played) -> Result<(), String> {
    stage.set(scene)?;
    let report = stage.diagnose(scene.after)?;
    keep(scene, &report);
    let finding = root(&report, scene)?;
    let remedy = &finding["remedies"][0];
    played.remedy = text(&remedy["title"]).to_owned();
    played.trial = text(&remedy["trial"]).to_owned();
    let commands = match scene.remedy {
        Remedy::CarryOut => commands(remedy),
        Remedy::Look => finding["remedies"].as_array().into_iter().flatten().flat_map(commands).collect(),
    };
    if commands.is_empty() {
        return Err(format!("no command: {remedy:#}"));
    }
    if let Some(then) = scene.then.iter().find(|then| **then != Then::Blocked && then.missing(stage).is_none()) {
        return Err(format!("before any command: {then:?}"));
    }
    for command in &commands {
        stage.shell(command, &scene.choices).or_else(without_kubelet)?;
    }
    stage.go_on(scene);
    match (scene.remedy, played.trial.as_str()) {
        (Remedy::Look, "untried") => Ok(()),
        (Remedy::CarryOut, "schedules" | "untried") if !scene.then.contains(&Then::Blocked) => all_run(stage, scene),
        (Remedy::CarryOut, "next-blocker") if scene.then.contains(&Then::Blocked) => {
            blocked(stage, scene, text(&remedy["then"]))
        }
        (_, trial) => Err(format!("the trial says {trial}, the scene {:?}: {remedy:#}", scene.then)),
    }
    .map_err(|failure| format!("{failure}; after {commands:#?}"))
}

/// A log that the API server would ask a kubelet for: pod and container are there, and the stand-in has no logs.
fn without_kubelet(failure: String) -> Result<String, String> {
    let asked = failure.starts_with("kubectl logs ") && failure.contains("no preferred addresses found");
    if asked { Ok(String::new()) } else { Err(failure) }
}

/// Leaves the report for whoever looks into a failure.
fn keep(scene: &Scene, report: &Report) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/causes");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{}.json", scene.name)), format!("{:#}", report.0)).unwrap();
}

/// The first finding, which must be the scene's root and the only one.
fn root<'r>(report: &'r Report, scene: &Scene) -> Result<&'r Value, String> {
    let roots = report.roots();
    let first = report.findings().first().ok_or("the report has no finding")?;
    if roots != [scene.root.as_str()] || first["rule"] != scene.root.as_str() {
        let titles = report.findings().iter().map(|finding| format!("{}: {}", finding["rule"], finding["title"]));
        return Err(format!("roots {roots:?}, not {}:\n    {}", scene.root, titles.collect::<Vec<_>>().join("\n    ")));
    }
    let title = text(&first["title"]);
    match scene.says.iter().find(|words| !title.contains(words.as_str())) {
        Some(words) => Err(format!("the title does not say {words}: {title}")),
        None => Ok(first),
    }
}

fn commands(remedy: &Value) -> Vec<&str> {
    let steps = remedy["steps"].as_array().into_iter().flatten();
    steps.filter_map(|step| step["command"].as_str()).collect()
}

/// Waits until everything has come about that the scene says, and the report has no error left.
fn all_run(stage: &Stage, scene: &Scene) -> Result<(), String> {
    come_about(stage, scene)?;
    let report = stage.diagnose(scene.after)?;
    match report.errors().first() {
        Some(error) => Err(format!("the report tells of an error still: {error}")),
        None => Ok(()),
    }
}

/// The next cause must be the one foreseen.
fn blocked(stage: &Stage, scene: &Scene, then: &str) -> Result<(), String> {
    come_about(stage, scene)?;
    let report = stage.diagnose(scene.after)?;
    let next = report.errors().first().map(|title| (*title).to_owned());
    let next = next.ok_or_else(|| format!("nothing is in the way; foreseen: {then}"))?;
    if then.contains(&next) { Ok(()) } else { Err(format!("next: {next}; foreseen: {then}")) }
}

fn come_about(stage: &Stage, scene: &Scene) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let missing: Vec<String> = scene.then.iter().filter_map(|then| then.missing(stage)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(missing.join("; "));
        }
        thread::sleep(Duration::from_millis(200));
    }
}
