//! The expressions of own rules: CEL, parsed by the `cel` crate and evaluated here, because that crate's own evaluation has
//! no limit on the steps and the memory that it takes. Here every step and every byte goes through a [`Meter`].

mod eval;
mod fault;
mod functions;
mod meter;
mod node;
mod pattern;
mod quantities;
mod syntax;
mod texts;
mod times;
mod value;

pub(crate) use eval::{Facts, evaluate};
pub(crate) use fault::Fault;
pub(crate) use meter::Meter;
pub(crate) use node::{Node, Origin, Program, Step, Variable};
pub(crate) use syntax::{Flaw, Scope, compile};
pub(crate) use texts::text_of as shown;
pub(crate) use value::{Key, Value};
