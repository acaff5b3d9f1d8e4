//! Manifests: documents with their place in the files they come from, read as kubectl reads them.

mod allow;
mod document;
mod edit;
mod hook;
mod json;
mod list;
mod path;
mod read;
mod scalar;
mod split;
pub(crate) mod strict;
mod tree;
mod write;
mod yaml;

pub(crate) use document::{Document, Region};
pub(crate) use edit::{FieldEdit, Op, TextEdit, changed, member_path, tokens};
pub(crate) use hook::Role;
pub(crate) use path::pointer_of;
pub(crate) use read::{Manifests, Problem, read};
pub(crate) use write::lines;
