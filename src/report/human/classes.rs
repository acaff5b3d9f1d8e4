//! The storage classes.

use super::words::NAMES;
use super::{Screen, Tone, finding, unread};
use crate::inventory::capacity::Tracking;
use crate::inventory::classes::{ClassEntry, StorageClasses};

/// Writes the classes and what is wrong with them.
pub fn write(classes: &StorageClasses, screen: &mut Screen) {
    if classes.classes.is_empty() && classes.unread.is_empty() {
        screen.paragraph(0, "There is no StorageClass.");
    }
    if !classes.classes.is_empty() {
        let rows: Vec<Vec<String>> = classes.classes.iter().map(row).collect();
        screen.table(0, &["CLASS", "PROVISIONER", "BINDING", "RECLAIM", "DRIVER", "CLAIMS"], &rows);
        defaults(classes, screen);
    }
    finding::write_plain(&classes.findings, screen);
    unread::write_kinds(&classes.unread, screen);
}

fn row(class: &ClassEntry) -> Vec<String> {
    let name = if class.default { format!("{} (default)", class.name) } else { class.name.to_owned() };
    let binding = if class.binding_mode == "WaitForFirstConsumer" { "first consumer" } else { "immediate" };
    vec![
        name,
        class.provisioner.to_owned(),
        binding.to_owned(),
        if class.expandable { format!("{}, grows", class.reclaim_policy) } else { class.reclaim_policy.to_owned() },
        driver(class),
        claims(class),
    ]
}

fn driver(class: &ClassEntry) -> String {
    let nodes = class.driver_nodes.map_or("? nodes".to_owned(), |nodes| super::words::count(nodes, "node"));
    match class.tracking {
        Tracking::Static => "by hand".to_owned(),
        Tracking::NoDriver => format!("no CSIDriver, {nodes}"),
        Tracking::Tracked => format!("{nodes}, tracked"),
        Tracking::Untracked | Tracking::Unknown => nodes,
    }
}

fn claims(class: &ClassEntry) -> String {
    match class.unbound {
        0 => format!("{} bound", class.bound),
        unbound => format!("{} bound, {unbound} not", class.bound),
    }
}

/// Several default classes, or none, are worth a word: claims that name no class depend on it.
fn defaults(classes: &StorageClasses, screen: &mut Screen) {
    let defaults: Vec<&str> = classes.classes.iter().filter(|class| class.default).map(|class| class.name).collect();
    match defaults.as_slice() {
        [_] => {}
        [] => {
            screen.gap();
            screen.paragraph(
                0,
                "No class is the default: claims that name no class wait for one or for a volume without.",
            );
        }
        several => {
            let list = super::words::names(several, NAMES);
            screen.gap();
            screen.styled(Tone::Caution, 0, &format!("Several classes are the default ({list}): the newest is taken."));
        }
    }
}
