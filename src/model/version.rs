//! Kubernetes versions, as far as behaviour depends on them.

use std::fmt;
use std::str::FromStr;

/// A minor release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
}

/// Why a text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a Kubernetes version; write it like 1.33 or v1.33.13")]
pub struct ParseVersionError(String);

impl Version {
    /// The newest release whose texts are known, predicted where the server's version isn't.
    pub const NEWEST: Version = Version::new(1, 36);

    /// A release.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    /// Reads `1.33`, `v1.33.13` and what vendors append, such as `v1.29.4-eks-036c24b` or `1.30+`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseVersionError(text.chars().take(40).collect());
        let (major, rest) = text.trim().trim_start_matches('v').split_once('.').ok_or_else(fail)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        match (major.parse(), rest[..end].parse()) {
            (Ok(major), Ok(minor)) if matches!(rest.as_bytes().get(end), None | Some(b'.' | b'-' | b'+')) => {
                Ok(Self { major, minor })
            }
            _ => Err(fail()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_read_with_what_vendors_append() {
        for text in ["1.33", "v1.33.13", "v1.33.4-eks-036c24b", "1.33+", "v1.33.0-alpha.1+abc"] {
            assert_eq!(text.parse(), Ok(Version::new(1, 33)), "{text}");
        }
        for text in ["", "1", "v1.x", "latest", "1.33x"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
