//! A scene: a file of YAML documents, with what is expected at its head.
//!
//! | line | |
//! |---|---|
//! | `# root: RULE` | the one cause that the report must tell |
//! | `# says: WORDS` | words of its title |
//! | `# then: placed NS/NAME` | what the commands lead to; `placed`, `bound`, or `blocked` alone; a name may end in `*` |
//! | `# remedy: look` | the first remedy can't be carried out here: the commands of all remedies must run |
//! | `# choose: NAME=VALUE` | what a command leaves open |
//! | `# stand-in: WORDS` | what isn't the real thing, beside the kubelet |
//! | `# driver: JSON` | the storage of a CSI driver, which runs with the real provisioner; `# driver later: JSON` once the commands have run |
//! | `# after: SECONDS` | how much later than it was collected the state is judged: such a report is no live one |
//!
//! A document is an object to be made, or a step: `run: COMMANDS` for the shell, `tell: COMMAND` for the control plane.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// What is done with the first remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Carried out, and what comes of it is awaited.
    CarryOut,
    /// Not carried out: whatever commands there are to look must run.
    Look,
}

/// What the commands lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    Placed { namespace: String, name: String },
    Bound { namespace: String, name: String },
    Blocked,
}

/// How the state comes about.
#[derive(Clone, Debug)]
pub enum Step {
    Make(Vec<Value>),
    Run(String),
    Tell(String),
}

#[derive(Clone, Debug)]
pub struct Scene {
    pub name: String,
    pub root: String,
    pub says: Vec<String>,
    pub remedy: Remedy,
    pub then: Vec<Then>,
    pub choices: BTreeMap<String, String>,
    pub driver: Option<Value>,
    pub driver_later: Option<Value>,
    pub after: Option<i64>,
    pub steps: Vec<Step>,
}

impl Scene {
    /// Every scene, by name.
    pub fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/scenes");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    /// Whether the controllers stand still until the commands have run.
    pub fn stops_controllers(&self) -> bool {
        let told = self.steps.iter().filter_map(|step| match step {
            Step::Tell(command) => Some(command.as_str()),
            _ => None,
        });
        told.last() == Some("controller-manager stop")
    }

    fn read(file: &Path) -> Self {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(file).unwrap();
        let one = |what| {
            let lines = lines(&text, what);
            assert_eq!(lines.len(), 1, "{name}: one line `# {what}: …`");
            lines[0].clone()
        };
        let remedy = match lines(&text, "remedy").first().map(String::as_str) {
            None => Remedy::CarryOut,
            Some("look") => Remedy::Look,
            Some(other) => panic!("{name}: remedy {other}"),
        };
        let choices = lines(&text, "choose").into_iter().map(|line| {
            let (variable, value) = line.split_once('=').unwrap();
            (variable.to_owned(), value.to_owned())
        });
        let then: Vec<Then> = lines(&text, "then").iter().map(|line| Then::read(line)).collect();
        assert_eq!(then.is_empty(), remedy == Remedy::Look, "{name}: `# then: …`, or `# remedy: look`");
        Self {
            root: one("root"),
            says: lines(&text, "says"),
            remedy,
            then,
            choices: choices.collect(),
            driver: lines(&text, "driver").first().map(|line| serde_json::from_str(line).unwrap()),
            driver_later: lines(&text, "driver later").first().map(|line| serde_json::from_str(line).unwrap()),
            after: lines(&text, "after").first().map(|line| line.parse().unwrap()),
            steps: steps(&name, &text),
            name,
        }
    }
}

impl Then {
    fn read(line: &str) -> Self {
        let object = |words: &str| {
            let (namespace, name) = words.split_once('/').unwrap_or_else(|| panic!("{line}: two names"));
            (namespace.to_owned(), name.to_owned())
        };
        let (what, words) = line.split_once(' ').unwrap_or((line, ""));
        if what == "blocked" {
            return Self::Blocked;
        }
        let (namespace, name) = object(words);
        match what {
            "placed" => Self::Placed { namespace, name },
            "bound" => Self::Bound { namespace, name },
            _ => panic!("{line}: placed, bound or blocked"),
        }
    }
}

/// What the comments at the head say of something.
fn lines(text: &str, what: &str) -> Vec<String> {
    let head = text.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| Some(line.strip_prefix("# ")?.strip_prefix(what)?.strip_prefix(": ")?.to_owned())).collect()
}

fn steps(name: &str, text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let document = Value::deserialize(document).unwrap_or_else(|error| panic!("{name}: {error}"));
        let command = |what: &str| document[what].as_str().filter(|_| document["kind"].is_null()).map(str::to_owned);
        match (command("run"), command("tell"), steps.last_mut()) {
            (Some(command), ..) => steps.push(Step::Run(command)),
            (_, Some(command), _) => steps.push(Step::Tell(command)),
            _ if document.is_null() => {}
            (_, _, Some(Step::Make(objects))) => objects.push(document),
            _ => steps.push(Step::Make(vec![document])),
        }
    }
    steps
}
