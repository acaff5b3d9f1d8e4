//! What is free.

use super::words::{NAMES, count, names};
use super::{Screen, Tone, unread};
use crate::model::quantity::short_bytes;
use crate::report::document::capacity::{Capacity, ClassCapacity, Segment, Tracking};

/// Segments of a class that are written out.
const SEGMENTS: usize = 40;

/// Writes the room by class and segment.
pub fn write(capacity: &Capacity, screen: &mut Screen) {
    if capacity.classes.is_empty() && capacity.unread.is_empty() {
        screen.paragraph(0, "There is no StorageClass.");
    }
    for class in &capacity.classes {
        screen.gap();
        write_class(class, screen);
    }
    unread::write_kinds(&capacity.unread, screen);
}

fn write_class(class: &ClassCapacity, screen: &mut Screen) {
    screen.styled(Tone::Heading, 0, &format!("{} ({})", class.name, class.provisioner));
    tracking(class, screen);
    if !class.segments.is_empty() {
        segments(class, screen);
    }
    if class.available.count > 0 {
        let largest = class.available.largest_bytes.map(short_bytes).unwrap_or_default();
        let volumes = count(class.available.count, "volume");
        screen.paragraph(2, &format!("Free for claims: {volumes}, the largest of {largest}."));
    }
    if let Some(largest) = class.pending.largest_bytes {
        let claims = count(class.pending.count, "claim");
        let total = short_bytes(class.pending.total_bytes);
        screen
            .paragraph(2, &format!("Waiting: {claims} for {total} in all, the largest for {}.", short_bytes(largest)));
    }
    if let (Some(counted), Some(fits)) = (class.counted_bytes, class.fits)
        && !class.segments.is_empty()
    {
        let tone = if fits == 0 { Tone::Bad } else { Tone::Good };
        let counted = short_bytes(counted);
        screen.styled(
            tone,
            2,
            &format!("Room for {} of {counted}.", count(usize::try_from(fits).unwrap_or(0), "more volume")),
        );
    }
}

fn tracking(class: &ClassCapacity, screen: &mut Screen) {
    let text = match class.tracking {
        Tracking::Tracked if class.segments.is_empty() => {
            "The driver promises to publish its room, and there is no CSIStorageCapacity for this class: the scheduler \
             takes it that there is none."
        }
        Tracking::Tracked => return,
        Tracking::Untracked => {
            "The driver doesn't publish its room (storageCapacity is not true): the scheduler doesn't look at it."
        }
        Tracking::NoDriver => "There is no CSIDriver of this name.",
        Tracking::Static => "Volumes of this class are made by hand.",
        Tracking::Unknown => "Whether the driver publishes its room could not be read.",
    };
    let tone = match class.tracking {
        Tracking::Tracked => Tone::Bad,
        Tracking::NoDriver | Tracking::Unknown => Tone::Caution,
        Tracking::Untracked | Tracking::Static => Tone::Plain,
    };
    screen.styled(tone, 2, text);
}

fn segments(class: &ClassCapacity, screen: &mut Screen) {
    let fits = class.counted_bytes.map(|bytes| format!("FITS {}", short_bytes(bytes)));
    let mut header = vec!["SEGMENT", "NODES", "FREE", "LARGEST"];
    header.extend(fits.as_deref());
    let row = |segment: &Segment| {
        let mut row = vec![
            if segment.topology.is_empty() { "(none)".to_owned() } else { segment.topology.clone() },
            nodes(segment),
            segment.free_bytes.map_or("?".to_owned(), short_bytes),
            segment.largest_bytes.map_or("?".to_owned(), short_bytes),
        ];
        row.extend(fits.as_ref().map(|_| segment.fits.map_or("?".to_owned(), |fits| fits.to_string())));
        row
    };
    let rows: Vec<Vec<String>> = class.segments.iter().take(SEGMENTS).map(row).collect();
    screen.table(2, &header, &rows);
    if class.segments.len() > SEGMENTS {
        screen.paragraph(2, &format!("… and {} more; -o json has them all", class.segments.len() - SEGMENTS));
    }
}

fn nodes(segment: &Segment) -> String {
    match segment.nodes.as_deref() {
        None => "?".to_owned(),
        Some([]) => "no node".to_owned(),
        Some(nodes) => names(nodes, NAMES / 4),
    }
}
