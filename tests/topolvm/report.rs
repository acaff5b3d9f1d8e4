//! A report as a reader takes it.

use serde_json::Value;

use crate::support::tools::Run;

/// A JSON report with its exit code.
pub struct Report {
    pub code: i32,
    pub value: Value,
}

impl Report {
    /// Reads what a run wrote.
    pub fn read(run: Run) -> Self {
        let read = |error| panic!("{error}: {}{}", run.stdout, run.stderr);
        Self { code: run.code, value: serde_json::from_str(&run.stdout).unwrap_or_else(read) }
    }

    /// The entry of a pod that must be there.
    pub fn pod(&self, name: &str) -> &Value {
        self.find_pod(name).unwrap_or_else(|| panic!("no pod {name} in {:#}", self.value))
    }

    /// The entry of a pod.
    pub fn find_pod(&self, name: &str) -> Option<&Value> {
        self.value["pods"].as_array().unwrap().iter().find(|pod| pod["name"] == name)
    }

    /// The findings, in order.
    pub fn findings(&self) -> Vec<Finding<'_>> {
        self.value["findings"].as_array().unwrap().iter().map(Finding).collect()
    }

    /// The first cause.
    pub fn first(&self) -> Finding<'_> {
        *self.findings().first().unwrap_or_else(|| panic!("no finding in {:#}", self.value))
    }

    /// The rules of the findings that say that something is blocked.
    pub fn errors(&self) -> Vec<&str> {
        let errors = self.findings().into_iter().filter(|finding| finding.0["severity"] == "error");
        errors.map(|finding| finding.rule()).collect()
    }
}

/// One finding.
#[derive(Clone, Copy)]
pub struct Finding<'a>(pub &'a Value);

impl<'a> Finding<'a> {
    pub fn rule(self) -> &'a str {
        text(&self.0["rule"])
    }

    pub fn title(self) -> &'a str {
        text(&self.0["title"])
    }

    /// Everything that it says before its remedies: title, values and notes, one a line.
    pub fn words(self) -> String {
        let evidence = self.0["evidence"].as_array().unwrap().iter();
        let said = evidence.map(|evidence| format!("{}: {}", text(&evidence["value"]), text(&evidence["note"])));
        std::iter::once(self.title().to_owned()).chain(said).collect::<Vec<_>>().join("\n")
    }

    /// Names of the objects of a kind that it explains.
    pub fn explains(self, kind: &str) -> Vec<&'a str> {
        let explained = self.0["explains"].as_array().unwrap().iter();
        explained.filter(|object| object["kind"] == kind).map(|object| text(&object["name"])).collect()
    }

    /// A remedy by its place.
    pub fn remedy(self, place: usize) -> Remedy<'a> {
        Remedy(self.0["remedies"].get(place).unwrap_or_else(|| panic!("no remedy {place} in {:#}", self.0)))
    }

    /// The remedy of a title.
    pub fn remedy_called(self, title: &str) -> Remedy<'a> {
        let mut remedies = self.0["remedies"].as_array().unwrap().iter();
        Remedy(
            remedies.find(|remedy| text(&remedy["title"]) == title).unwrap_or_else(|| panic!("{title}: {:#}", self.0)),
        )
    }
}

/// One remedy.
#[derive(Clone, Copy)]
pub struct Remedy<'a>(pub &'a Value);

impl<'a> Remedy<'a> {
    /// The commands in order; every step must have one.
    pub fn commands(self) -> Vec<&'a str> {
        self.0["steps"].as_array().unwrap().iter().map(|step| text(&step["command"])).collect()
    }

    pub fn trial(self) -> &'a str {
        text(&self.0["trial"])
    }

    /// The next blocker, or why the remedy was not tried.
    pub fn then(self) -> &'a str {
        text(&self.0["then"])
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
