//! What rests on what: the drivers of volumes and what they are made of.

mod drivers;
mod graph;
mod marks;
mod part;

pub(crate) use drivers::Drivers;
pub(crate) use graph::Graph;
pub(crate) use part::Part;
