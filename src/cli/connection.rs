//! kubectl's flags that say which cluster to read, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;
use crate::source::live::{Environment, Options};

/// The cluster and the identity.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ConnectionArgs {
    /// The kubeconfig file, in place of KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig context
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The kubeconfig user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The address of the API server
    #[arg(short, long, value_name = "URL")]
    server: Option<String>,
    /// A bearer token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// The user to impersonate
    #[arg(long = "as", value_name = "USER")]
    as_user: Option<String>,
    /// A group to impersonate (can be repeated)
    #[arg(long = "as-group", value_name = "GROUP")]
    as_groups: Vec<String>,
    /// The UID to impersonate
    #[arg(long, value_name = "UID")]
    as_uid: Option<String>,
    /// A file with the server's certificate authority
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
    /// A file with a client certificate
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<PathBuf>,
    /// A file with the client certificate's key
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// The name that the server's certificate must have
    #[arg(long, value_name = "NAME")]
    tls_server_name: Option<String>,
    /// Trust any certificate of the server
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// The deadline of the whole run, such as 30s or 1m; 0 is none [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    request_timeout: Option<Duration>,
}

impl ConnectionArgs {
    /// The flags with what the environment says.
    #[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
    pub(crate) fn options(&self) -> Options {
        Options {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            server: self.server.clone(),
            token: self.token.clone(),
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            tls_server_name: self.tls_server_name.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            as_user: self.as_user.clone(),
            as_groups: self.as_groups.clone(),
            as_uid: self.as_uid.clone(),
            request_timeout: self.request_timeout,
            environment: Environment::from_variables(|name| std::env::var_os(name)),
            ..Options::default()
        }
    }
}
