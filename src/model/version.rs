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
    /// The oldest release whose texts are known.
    pub const OLDEST: Version = Version::new(1, 24);
    /// The newest release whose texts are known, predicted where the server's version isn't.
    pub const NEWEST: Version = Version::new(1, 37);

    /// A release.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The release that the version of a server or kubelet names. `None` where it names none, as `v0.0.0-master+$Format`
    /// of builds without a tag and the versions of some forks do.
    pub fn named_by(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// The known release that is nearest.
    pub fn nearest_known(self) -> Self {
        self.clamp(Self::OLDEST, Self::NEWEST)
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    /// Reads `1.33`, `v1.33.13` and what vendors append, such as `v1.29.4-eks-036c24b` or `1.30+`. There is no release
    /// before 1.0 and none after 1.x.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseVersionError(text.chars().take(40).collect());
        let (major, rest) = text.trim().trim_start_matches('v').split_once('.').ok_or_else(fail)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        match (major, rest[..end].parse()) {
            ("1", Ok(minor)) if matches!(rest.as_bytes().get(end), None | Some(b'.' | b'-' | b'+')) => {
                Ok(Self::new(1, minor))
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
        for text in ["", "1", "v1.x", "latest", "1.33x", "0.0", "2.1", "1.99999999999"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_server_need_not_name_a_release() {
        assert_eq!(Version::named_by("v1.29.4+k3s1"), Some(Version::new(1, 29)));
        for text in ["v0.0.0-master+$Format:%H$", "v0.0.0", "0.0", "v4.12.3", "unknown", ""] {
            assert_eq!(Version::named_by(text), None, "{text}");
        }
    }

    #[test]
    fn releases_out_of_reach_are_taken_as_the_nearest_known_one() {
        assert_eq!(Version::new(1, 99).nearest_known(), Version::NEWEST);
        assert_eq!(Version::new(1, 9).nearest_known(), Version::OLDEST);
        assert_eq!(Version::new(1, 30).nearest_known(), Version::new(1, 30));
    }
}
