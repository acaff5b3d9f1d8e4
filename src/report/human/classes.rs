//! The storage classes.

use super::words::NAMES;
use super::{Screen, Tone, finding, unread};
use crate::report::document::capacity::Tracking;
use crate::report::document::classes::{ClassEntry, Maker, StorageClasses};

/// Writes the classes and what is wrong with them.
pub fn write(classes: &StorageClasses, screen: &mut Screen) {
    if classes.classes.is_empty() && classes.unread.is_empty() {
        screen.paragraph(0, "There is no StorageClass.");
    }
    if !classes.classes.is_empty() {
        let rows: Vec<Vec<String>> = classes.classes.iter().map(row).collect();
        screen.table(0, &["CLASS", "PROVISIONER", "BINDING", "RECLAIM", "DRIVER", "CLAIMS"], &rows);
        defaults(classes, screen);
        orphans(classes, screen);
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
        Tracking::Tracked => format!("{nodes}, tracked"),
        _ => match class.made_by {
            Maker::Hand => "by hand".to_owned(),
            Maker::External => external(class),
            Maker::InTree => "in-tree".to_owned(),
            Maker::Migrated(driver) => format!("{driver}, {nodes}"),
            Maker::MigratedToNothing(driver) => format!("{driver}, not installed"),
            Maker::Csi | Maker::Unknown => nodes,
        },
    }
}

/// A provisioner that is no CSI driver needs no CSIDriver and nothing on nodes.
fn external(class: &ClassEntry) -> String {
    match &class.workload {
        Some(workload) => format!("not CSI: {workload}"),
        None => "not CSI, no workload seen".to_owned(),
    }
}

/// In-tree plugins whose work is left to a CSI driver that isn't there.
fn orphans(classes: &StorageClasses, screen: &mut Screen) {
    for class in &classes.classes {
        if let Maker::MigratedToNothing(driver) = class.made_by {
            screen.gap();
            let text = format!(
                "Class {}: Kubernetes leaves {} to CSI driver {driver}, and that is not installed (no CSIDriver, no node \
                 has it): no volume of the class is made, attached or mounted.",
                class.name, class.provisioner
            );
            screen.styled(Tone::Caution, 0, &text);
        }
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
