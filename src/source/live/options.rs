//! What the caller chooses: the cluster, the identity, the deadline, and what to read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::Kind;
use crate::source::SourceError;

/// The deadline of a run where the caller gives none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long "no limit" is: long enough never to be met, short enough to be added to any clock.
const UNLIMITED: Duration = Duration::from_secs(365 * 24 * 3600);

/// The largest answer where the caller gives none.
const LARGEST_ANSWER: usize = 512 << 20;

/// A server that says nothing for this long has hung.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// How to reach a cluster. The fields are kubectl's flags of the same names.
///
/// There is no `Debug`, because of the token.
#[derive(Clone, Default)]
pub struct Options {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    pub cluster: Option<String>,
    pub user: Option<String>,
    pub server: Option<String>,
    pub token: Option<String>,
    pub certificate_authority: Option<PathBuf>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
    pub tls_server_name: Option<String>,
    pub insecure_skip_tls_verify: bool,
    pub as_user: Option<String>,
    pub as_groups: Vec<String>,
    pub as_uid: Option<String>,
    /// The deadline of the whole run; [`DEFAULT_TIMEOUT`] where it is not given, no limit where it is zero.
    pub request_timeout: Option<Duration>,
    /// The largest answer that is read, in bytes after decompression; 512 MiB where it is not given. A page of 500
    /// objects has a few MiB.
    pub largest_answer: Option<usize>,
    /// What the environment says.
    pub environment: Environment,
}

impl Options {
    /// The deadline of the whole run.
    pub(super) fn deadline(&self) -> Duration {
        match self.request_timeout {
            None => DEFAULT_TIMEOUT,
            Some(Duration::ZERO) => UNLIMITED,
            Some(timeout) => timeout.min(UNLIMITED),
        }
    }

    /// The largest answer that is read, in bytes.
    pub(super) fn largest_answer(&self) -> usize {
        self.largest_answer.unwrap_or(LARGEST_ANSWER)
    }

    /// How long the server may say nothing.
    pub(super) fn silence(&self) -> Duration {
        (self.deadline() / 2).min(LONGEST_SILENCE)
    }
}

/// The variables of the environment that say how to reach a cluster.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `KUBECONFIG`: a list of files.
    pub kubeconfig: Option<OsString>,
    /// The user's directory, which holds `.kube/config`.
    pub home: Option<PathBuf>,
    /// `HTTP_PROXY`.
    pub http_proxy: Option<String>,
    /// `HTTPS_PROXY`.
    pub https_proxy: Option<String>,
    /// `NO_PROXY`.
    pub no_proxy: Option<String>,
}

impl Environment {
    /// Reads the variables through `lookup`. Of two spellings the upper-case one wins, as in Go's `httpproxy`.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let text = |name: &str| {
            let value = set(name).or_else(|| set(&name.to_ascii_lowercase()))?;
            value.into_string().ok()
        };
        Self {
            kubeconfig: set("KUBECONFIG"),
            home: set("HOME").or_else(|| set("USERPROFILE")).map(PathBuf::from),
            http_proxy: text("HTTP_PROXY"),
            https_proxy: text("HTTPS_PROXY"),
            no_proxy: text("NO_PROXY"),
        }
    }
}

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The kinds to read; the others, and those that no server is asked for, are `NotRequested`.
    pub kinds: Vec<Kind>,
    /// The namespace in question, or `None` for all. Other namespaces are read as well, because their pods and
    /// claims take room on nodes; only events are read from this namespace (and `default`) alone. Kinds that may
    /// not be listed in the whole cluster are listed in this namespace.
    pub namespace: Option<String>,
    /// When the reading starts, RFC 3339.
    pub taken: Option<String>,
}

impl Wanted {
    /// Refuses a namespace that could change the path of a request.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        match &self.namespace {
            Some(name) if !is_label(name) => {
                let hint = "a name has lower-case letters, digits and '-', and at most 63 of them";
                Err(SourceError::usage(format!("`{}` is not a namespace", name.escape_debug())).hinted(hint))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a name is a DNS label (RFC 1123), as namespaces are.
pub(super) fn is_label(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 63 && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_cannot_change_the_path_of_a_request() {
        for name in ["", "..", "a/b", "kube-system/secrets", "a?b", "Upper", "-a", "a-", &"a".repeat(64)] {
            let wanted = Wanted { namespace: Some(name.to_owned()), ..Wanted::default() };
            assert!(wanted.check().is_err_and(|error| error.usage), "{name}");
        }
        let wanted = Wanted { namespace: Some("kube-system".to_owned()), ..Wanted::default() };
        assert!(wanted.check().is_ok());
    }

    #[test]
    fn a_timeout_of_zero_is_no_limit_as_in_kubectl() {
        let options = |timeout| Options { request_timeout: timeout, ..Options::default() };
        assert_eq!(options(None).deadline(), DEFAULT_TIMEOUT);
        assert_eq!(options(Some(Duration::ZERO)).deadline(), UNLIMITED);
        assert_eq!(options(Some(Duration::from_secs(2))).deadline(), Duration::from_secs(2));
        assert_eq!(options(Some(Duration::from_secs(2))).silence(), Duration::from_secs(1));
        assert_eq!(options(None).silence(), Duration::from_secs(30));
    }

    #[test]
    fn the_environment_is_read_in_both_spellings() {
        let environment = Environment::from_variables(|name| match name {
            "KUBECONFIG" => Some("/a:/b".into()),
            "HTTPS_PROXY" => Some("upper".into()),
            "https_proxy" | "no_proxy" => Some("lower".into()),
            "HTTP_PROXY" => Some("".into()),
            _ => None,
        });
        assert_eq!(environment.kubeconfig, Some("/a:/b".into()));
        assert_eq!(environment.https_proxy.as_deref(), Some("upper"));
        assert_eq!(environment.no_proxy.as_deref(), Some("lower"));
        assert_eq!(environment.http_proxy, None);
        assert_eq!(environment.home, None);
    }
}
