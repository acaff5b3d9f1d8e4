//! Manifests: documents with their place in the files they come from, read as kubectl reads them.

mod document;
mod json;
mod list;
mod path;
mod read;
mod scalar;
mod split;
mod tree;
mod yaml;

pub(crate) use document::{Document, Duplicate, Region};
pub(crate) use read::{Manifests, Problem, read};
