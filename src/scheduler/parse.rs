//! Reads what a cluster wrote: the text of a PodScheduled condition or FailedScheduling event of 1.24 to 1.37.

use std::collections::BTreeMap;

/// A message of kube-scheduler, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// `no nodes available to schedule pods`.
    NoNodes,
    /// `0/N nodes are available: …`.
    Fit {
        nodes: usize,
        /// A text for the pod as a whole, or empty.
        pre_filter: String,
        /// Nodes by reason, in the words of the newest release.
        reasons: BTreeMap<String, usize>,
        /// What preemption and other PostFilter plugins said.
        post_filter: String,
    },
    /// An error that ended the attempt.
    Error(String),
}

/// Takes a message apart; whatever isn't of a known form is an error's text.
pub fn parse(message: &str) -> Written {
    if message == super::message::NO_NODES {
        return Written::NoNodes;
    }
    fit(message).unwrap_or_else(|| Written::Error(message.to_owned()))
}

fn fit(message: &str) -> Option<Written> {
    let (header, rest) = message.split_once(" nodes are available:")?;
    let nodes = header.strip_prefix("0/")?.parse().ok()?;
    let (body, post_filter) = split_tail(rest.trim_start());
    let items = items(body);
    let counted: Option<Vec<(usize, &str)>> = items.iter().map(|item| counted(item)).collect();
    let (pre_filter, reasons) = match counted {
        Some(counted) => {
            let mut reasons = BTreeMap::new();
            for (count, reason) in counted {
                *reasons.entry(newest(reason)).or_default() += count;
            }
            (String::new(), reasons)
        }
        None => (body.to_owned(), BTreeMap::new()),
    };
    Some(Written::Fit { nodes, pre_filter, reasons, post_filter: post_filter.to_owned() })
}

/// Splits the PostFilter part off; the full stop before it belongs to the body.
pub(super) fn split_tail(text: &str) -> (&str, &str) {
    const TAILS: [&str; 5] = [
        ". no new claims to deallocate",
        ". still not schedulable",
        ". deallocation of",
        ". deletion of",
        ". preemption: ",
    ];
    if let Some(body) = text.strip_suffix(". not found") {
        return (body, "not found");
    }
    let start = TAILS.iter().filter_map(|tail| text.find(tail)).min();
    match start {
        Some(start) => (&text[..start], text[start + 2..].trim()),
        None => (text.strip_suffix('.').unwrap_or(text), ""),
    }
}

/// The entries of a histogram: they are parted by `, ` before a count, for reasons may have commas of their own.
pub(super) fn items(body: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut start = 0;
    for (position, _) in body.match_indices(", ") {
        if counted(&body[position + 2..]).is_some() {
            items.push(&body[start..position]);
            start = position + 2;
        }
    }
    if !body.is_empty() {
        items.push(&body[start..]);
    }
    items
}

pub(super) fn counted(item: &str) -> Option<(usize, &str)> {
    let (count, reason) = item.split_once(' ')?;
    Some((count.parse().ok()?, reason))
}

/// A reason in the words of the newest release.
pub fn newest(reason: &str) -> String {
    let taint = reason.starts_with("node(s) had untolerated taint {")
        || reason.starts_with("node(s) had taint {") && reason.ends_with("that the pod didn't tolerate");
    let text = match reason {
        _ if taint => "node(s) had untolerated taint(s)",
        "node(s) had volume node affinity conflict" => "node(s) didn't match PersistentVolume's node affinity",
        "node(s) didn't match node selector" | "node(s) didn't match pod's node affinity" => {
            "node(s) didn't match Pod's node affinity/selector"
        }
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode" => {
            "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
             another pod"
        }
        other => other,
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(message: &str) -> Vec<(String, usize)> {
        match parse(message) {
            Written::Fit { reasons, .. } => reasons.into_iter().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn histograms_are_read_and_put_into_the_newest_words() {
        let message = "0/5 nodes are available: 1 node(s) had untolerated taint {a: b}, 1 node(s) had taint {c: }, that \
                       the pod didn't tolerate, 3 Insufficient example.com/x. preemption: 0/5 nodes are available: 5 \
                       Preemption is not helpful for scheduling..";
        let expected = [("Insufficient example.com/x", 3), ("node(s) had untolerated taint(s)", 2)];
        assert_eq!(reasons(message), expected.map(|(reason, count)| (reason.to_owned(), count)));
    }

    #[test]
    fn pre_filter_texts_and_their_tails_are_told_apart() {
        let message = "0/3 nodes are available: persistentvolumeclaim \"a\" not found. not found";
        let Written::Fit { nodes, pre_filter, reasons, post_filter } = parse(message) else { panic!() };
        assert_eq!((nodes, pre_filter.as_str()), (3, "persistentvolumeclaim \"a\" not found"));
        assert!(reasons.is_empty());
        assert_eq!(post_filter, "not found");
        let older = "0/3 nodes are available: 3 pod has unbound immediate PersistentVolumeClaims.";
        let expected = ("pod has unbound immediate PersistentVolumeClaims".to_owned(), 3);
        assert_eq!(super::tests::reasons(older), [expected]);
    }

    #[test]
    fn what_is_not_of_the_form_is_an_error_text() {
        for text in
            ["running PreBind plugin \"VolumeBinding\": binding volumes: timed out", "", "0/x nodes are available: 1 a"]
        {
            assert!(matches!(parse(text), Written::Error(_)), "{text}");
        }
        assert_eq!(parse("no nodes available to schedule pods"), Written::NoNodes);
    }
}
