//! Where own rules come from.

use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use super::terminal;
use crate::own::OwnRules;
use crate::source;

/// Rules beside the built-in ones.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct OwnRulesArgs {
    /// A folder of rules of your own; by default storagewhy/rules in $XDG_CONFIG_HOME or ~/.config, if it is there
    #[arg(long = "rules", value_name = "DIR")]
    folder: Option<String>,
}

impl OwnRulesArgs {
    /// The rules of the folder that was named, else of the default one where it exists, else none.
    ///
    /// # Errors
    /// Where a rule is wrong; each error but the last has then been told.
    pub(crate) fn load(&self) -> Result<OwnRules, CliError> {
        load_or_default(self.folder.as_deref())
    }
}

/// The rules of a folder, else of the default one where it exists, else none.
///
/// # Errors
/// Where a rule is wrong; each error but the last has then been told.
pub(crate) fn load_or_default(folder: Option<&str>) -> Result<OwnRules, CliError> {
    match folder {
        Some(folder) => load(folder),
        None => match default_folder().filter(|folder| folder.is_dir()) {
            Some(folder) => from_files(&folder.to_string_lossy()),
            None => Ok(OwnRules::default()),
        },
    }
}

/// The rules of a folder, which must have some.
///
/// # Errors
/// Where there are none or one is wrong; each error but the last has then been told.
pub(crate) fn load(folder: &str) -> Result<OwnRules, CliError> {
    let rules = from_files(folder)?;
    if rules.is_empty() {
        return Err(CliError::usage(format!("{folder} has no rules")).hinted("a rule is a file that ends in .yaml"));
    }
    Ok(rules)
}

fn from_files(folder: &str) -> Result<OwnRules, CliError> {
    let files = source::read_rules(folder)?;
    let texts = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    OwnRules::load(texts).map_err(|mut errors| {
        let last = errors.pop().map(|error| error.to_string()).unwrap_or_default();
        errors.iter().for_each(|error| terminal::tell_more(&error.to_string()));
        CliError::usage(last).hinted("docs/own-rules.md says how rules are written")
    })
}

#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
fn default_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(config.join("storagewhy").join("rules"))
}
