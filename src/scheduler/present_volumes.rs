//! The volumes that nodes hold, as volume limits count them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::status::Status;

/// Driver and handle of a volume. A claim without a volume gets a handle of its own.
pub(crate) type VolumeKey = (String, String);

/// The volumes of a node.
#[derive(Debug)]
pub(crate) struct Present {
    /// Those of its pods.
    pub(crate) of_pods: BTreeSet<VolumeKey>,
    /// By driver, those and what else is attached.
    pub(crate) counts: BTreeMap<String, i64>,
}

/// The volumes of a node, or why they can't be told.
pub(crate) type PresentVolumes = Result<Rc<Present>, Status>;
