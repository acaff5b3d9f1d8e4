//! A live report, as far as scenes ask.

use std::collections::BTreeSet;

use serde_json::Value;

pub struct Report(pub Value);

impl Report {
    pub fn findings(&self) -> &[Value] {
        self.0["findings"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// The rules of the errors and warnings that no other explains; where nothing is wrong, of the information.
    pub fn roots(&self) -> Vec<&str> {
        let told = |finding: &&Value| finding["severity"] != "info";
        let bad: Vec<&Value> = self.findings().iter().filter(told).collect();
        if bad.is_empty() {
            return self.findings().iter().map(|finding| text(&finding["rule"])).collect();
        }
        let explained: BTreeSet<&str> = bad
            .iter()
            .filter_map(|finding| finding["explains"].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let roots = bad.iter().filter(|finding| !explained.contains(text(&finding["id"])));
        roots.map(|finding| text(&finding["rule"])).collect()
    }

    /// Titles of the errors, the first cause first.
    pub fn errors(&self) -> Vec<&str> {
        let errors = self.findings().iter().filter(|finding| finding["severity"] == "error");
        errors.map(|finding| text(&finding["title"])).collect()
    }

    /// A pod for which the scheduler wrote something else than the report foresees, with both.
    pub fn misjudged(&self) -> Option<String> {
        let pods = self.0["pods"].as_array().into_iter().flatten();
        let mut judged = pods.filter(|pod| pod["verdict"] == "Unschedulable" && pod["message"].is_string());
        let other = judged.find(|pod| pod["message"] != pod["observed"]["message"])?;
        let (ours, real) = (&other["message"], &other["observed"]["message"]);
        Some(format!("{}: the scheduler wrote {real}, foreseen {ours}", text(&other["name"])))
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
