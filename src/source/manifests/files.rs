//! Files and folders, as `kubectl apply -f` goes through them.
//!
//! Upstream: `ExpandPathsToFileVisitors` in cli-runtime `pkg/resource/visitor.go`: in a folder count the files that end in
//! `.json`, `.yaml` or `.yml`, in the order of their names; links to folders are not followed.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::text::{failed, read, too_large};
use super::{Fault, Limits, ManifestFile};

/// The endings of files that count in folders.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

pub(super) struct Reader<'a> {
    limits: &'a Limits,
    recursive: bool,
    /// Bytes that may still be read.
    left: u64,
    /// Whether something was left out because of a bound.
    full: bool,
    pub(super) found: Vec<ManifestFile>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(limits: &'a Limits, recursive: bool) -> Self {
        Self { limits, recursive, left: limits.total, full: false, found: Vec::new() }
    }

    /// Adds what a program renders.
    pub(super) fn rendered(
        &mut self,
        renderer: &'static str,
        name: String,
        render: impl FnOnce(u64) -> Result<String, Fault>,
    ) {
        let before = self.found.len();
        self.add(name, render);
        for file in self.found.iter_mut().skip(before) {
            file.renderer = Some(renderer);
        }
    }

    /// Adds a text that `read` gets, or what kept it from it.
    fn add(&mut self, name: String, read: impl FnOnce(u64) -> Result<String, Fault>) {
        if self.full {
            return;
        }
        if self.found.len() >= self.limits.files {
            self.full = true;
            let message = format!("more than {} files: what follows is left out", self.limits.files);
            self.found.push(ManifestFile { name, renderer: None, text: Err(Fault::whole(message)) });
            return;
        }
        let limit = self.limits.file.min(self.left);
        let text = read(limit);
        if let Ok(text) = &text {
            self.left = self.left.saturating_sub(text.len() as u64);
        }
        self.found.push(ManifestFile { name, renderer: None, text });
    }

    /// A file or folder that the user named.
    pub(super) fn named(&mut self, name: &str) {
        if name == "-" {
            return self.add(name.to_owned(), |limit| read(io::stdin().lock(), limit));
        }
        if name.starts_with("http://") || name.starts_with("https://") {
            let fault = Fault::whole("addresses are not read").hinted(format!("pipe it: curl -sSL {name} | … -f -"));
            return self.add(name.to_owned(), |_| Err(fault));
        }
        match fs::metadata(name) {
            Err(error) => self.add(name.to_owned(), |_| Err(failed(&error))),
            Ok(about) if about.is_dir() => self.folder_named(name),
            Ok(_) => self.file(Path::new(name)),
        }
    }

    fn folder_named(&mut self, name: &str) {
        let before = self.found.len();
        self.folder(Path::new(name), 0);
        if self.found.len() == before {
            let fault = Fault::whole("no file of this folder ends in .json, .yaml or .yml");
            let fault = if self.recursive { fault } else { fault.hinted("-R looks into the folders in it, too") };
            self.add(name.to_owned(), |_| Err(fault));
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a source reads files")]
    fn folder(&mut self, folder: &Path, depth: usize) {
        if depth > self.limits.folders {
            let fault = Fault::whole(format!("more than {} folders within each other", self.limits.folders));
            return self.add(shown(folder), |_| Err(fault));
        }
        let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(error) => return self.add(shown(folder), |_| Err(failed(&error))),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if self.full {
                return;
            }
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if self.recursive {
                    self.folder(&path, depth + 1);
                }
            } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
                self.found_file(&path);
            }
        }
    }

    /// A file of a folder; nobody named it, and what is no file may never end.
    fn found_file(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(about) if about.is_file() => self.file(path),
            Ok(_) => self.add(shown(path), |_| Err(Fault::whole("it is no file"))),
            Err(error) => self.add(shown(path), |_| Err(failed(&error))),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a source reads files")]
    fn file(&mut self, path: &Path) {
        self.add(shown(path), |limit| {
            let file = File::open(path).map_err(|error| failed(&error))?;
            let size = file.metadata().map_or(0, |about| about.len());
            if size > limit { Err(too_large(limit)) } else { read(file, limit) }
        });
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    fn names(folder: &Path, recursive: bool) -> Vec<(String, Result<String, String>)> {
        let limits = Limits { file: 100, total: 250, files: 6, folders: 2 };
        let mut reader = Reader::new(&limits, recursive);
        reader.named(&shown(folder));
        let found = reader.found.into_iter();
        let root = format!("{}/", shown(folder));
        found.map(|file| (file.name.replace(&root, ""), file.text.map_err(|fault| fault.message))).collect()
    }

    #[test]
    fn folders_have_what_ends_like_a_manifest_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        create_dir_all(path("c/d")).unwrap();
        for name in ["b.yaml", "a.json", "notes.txt", "c/x.yml", "c/d/y.yaml", "z.yaml.bak"] {
            write(path(name), name).unwrap();
        }
        let only = |found: Vec<(String, Result<String, String>)>| {
            found.into_iter().map(|(name, text)| text.map(|_| name).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(only(names(folder.path(), false)), ["a.json", "b.yaml"]);
        assert_eq!(only(names(folder.path(), true)), ["a.json", "b.yaml", "c/d/y.yaml", "c/x.yml"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_in_circles_and_to_folders_end() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        symlink(folder.path(), path("self")).unwrap();
        symlink(folder.path(), path("folder.yaml")).unwrap();
        symlink(path("loop.yaml"), path("loop.yaml")).unwrap();
        symlink(path("real.txt"), path("link.yaml")).unwrap();
        write(path("real.txt"), "text").unwrap();
        let found = names(folder.path(), true);
        let told: Vec<_> = found.iter().map(|(name, text)| (name.as_str(), text.is_ok())).collect();
        assert_eq!(told, [("folder.yaml", false), ("link.yaml", true), ("loop.yaml", false)]);
    }

    #[test]
    fn what_is_too_much_is_told_and_the_rest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(path("a.yaml"), "x".repeat(101)).unwrap();
        for name in ["b.yaml", "c.yaml", "d.yaml"] {
            write(path(name), "x".repeat(100)).unwrap();
        }
        let read = |found: Vec<(String, Result<String, String>)>| {
            found.into_iter().map(|(_, text)| text.is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(read(names(folder.path(), false)), [false, true, true, false]);
        create_dir_all(path("1/2/3")).unwrap();
        write(path("1/2/3/deep.yaml"), "x").unwrap();
        assert_eq!(read(names(folder.path(), true)), [false, false, true, true, false]);
        for name in ["e.yaml", "f.yaml", "g.yaml", "h.yaml"] {
            write(path(name), "").unwrap();
        }
        let found = names(folder.path(), false);
        assert_eq!(found.len(), 7);
        assert_eq!(found[6].1, Err("more than 6 files: what follows is left out".to_owned()));
    }

    #[test]
    fn what_is_not_there_or_has_nothing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| names(path, false).remove(0).1.unwrap_err();
        assert_eq!(told(folder.path()), "no file of this folder ends in .json, .yaml or .yml");
        assert_eq!(told(&folder.path().join("none")), "there is no such file or folder");
        assert_eq!(told(Path::new("https://example.com/a.yaml")), "addresses are not read");
    }
}
