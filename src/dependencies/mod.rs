//! What rests on what: the drivers of volumes and what they are made of.

mod drivers;
mod marks;
mod part;

pub(crate) use drivers::Drivers;
pub(crate) use part::Part;
