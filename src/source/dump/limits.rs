//! The bounds that keep a hostile or mistaken dump from eating the machine.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// How much of a dump is read at most. Sizes are in bytes, after unpacking.
#[derive(Clone, Debug)]
pub struct Limits {
    /// One JSON file.
    pub json: u64,
    /// One YAML file; YAML takes many times its size in memory.
    pub yaml: u64,
    /// All texts together.
    pub total: u64,
    /// What comes out of compressed files, those that are passed over (logs) included.
    pub unpacked: u64,
    /// Files in a folder or archive.
    pub files: usize,
    /// Folders within folders.
    pub folders: usize,
    /// Lists within lists.
    pub lists: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json: 2 << 30,
            yaml: 64 << 20,
            total: 4 << 30,
            unpacked: 64 << 30,
            files: 100_000,
            folders: 64,
            lists: 16,
        }
    }
}

/// What may still be read; shared by all readers of one dump.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    left: Rc<Cell<u64>>,
    total: u64,
}

impl Budget {
    pub(super) fn new(total: u64) -> Self {
        Self { left: Rc::new(Cell::new(total)), total }
    }

    /// A reader that takes what it reads from the budget.
    pub(super) fn bound<R: Read>(&self, inner: R) -> Bounded<R> {
        Bounded { inner, budget: self.clone() }
    }

    /// Whether nothing may be read any more.
    pub(super) fn spent(&self) -> bool {
        self.left.get() == 0
    }

    pub(super) fn message(&self) -> String {
        format!("more than {} in all, the bound for a whole dump", size(self.total))
    }
}

/// Reads until the budget is spent, then fails.
pub(super) struct Bounded<R> {
    inner: R,
    budget: Budget,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.budget.left.get().checked_sub(count as u64) {
            Some(left) if left > 0 => self.budget.left.set(left),
            _ if count == 0 => {}
            _ => {
                self.budget.left.set(0);
                return Err(io::Error::other(self.budget.message()));
            }
        }
        Ok(count)
    }
}

/// A size as people write it.
pub(in crate::source) fn size(bytes: u64) -> String {
    [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        .iter()
        .find(|(_, bits)| bytes >> bits > 0 && bytes.is_multiple_of(1 << bits))
        .map_or_else(|| format!("{bytes} bytes"), |(unit, bits)| format!("{} {unit}", bytes >> bits))
}
