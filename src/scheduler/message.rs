//! The text of a failed attempt (`pkg/scheduler/framework/types.go`, FitError).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::release;
use crate::model::version::Version;

/// What kube-scheduler writes where there is no node at all.
pub(crate) const NO_NODES: &str = "no nodes available to schedule pods";

/// The body of a message: a text for all nodes, or reasons with their counts.
pub(crate) enum Body<'m> {
    PreFilter(&'m str),
    Reasons(BTreeMap<Cow<'m, str>, usize>),
}

/// Puts a message together; `post_filter` is what the PostFilter plugins say.
pub(crate) fn fit_error(version: Version, nodes: usize, body: &Body<'_>, post_filter: &str) -> String {
    let mut message = format!("0/{nodes} nodes are available:");
    match body {
        Body::PreFilter("") => {}
        Body::PreFilter(text) if release::pre_filter_message(version) => message += &format!(" {text}."),
        Body::PreFilter(text) => message += &format!(" {nodes} {text}."),
        Body::Reasons(reasons) => {
            let mut items: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            items.sort_unstable();
            if !items.is_empty() || !release::pre_filter_message(version) {
                message += &format!(" {}.", items.join(", "));
            }
        }
    }
    if !post_filter.is_empty() {
        message += " ";
        message += post_filter;
        if release::extra_full_stop(version) {
            message += ".";
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_sorted_as_text_with_their_counts() {
        let reasons = BTreeMap::from([("b".into(), 2), ("a".into(), 10), ("c".into(), 2)]);
        let text = fit_error(Version::NEWEST, 12, &Body::Reasons(reasons), "");
        assert_eq!(text, "0/12 nodes are available: 10 a, 2 b, 2 c.");
    }

    #[test]
    fn a_pre_filter_text_stands_alone_since_1_26() {
        let body = Body::PreFilter("x");
        assert_eq!(fit_error(Version::NEWEST, 3, &body, "not found"), "0/3 nodes are available: x. not found");
        assert_eq!(fit_error(Version::new(1, 25), 3, &body, ""), "0/3 nodes are available: 3 x.");
        assert_eq!(fit_error(Version::new(1, 27), 3, &body, "p."), "0/3 nodes are available: x. p..");
    }
}
