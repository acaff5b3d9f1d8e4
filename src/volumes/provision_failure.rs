//! What a provisioner's failure says: the cause, and the essential words without what libraries wrapped around them.

use serde::Serialize;

use super::wrapping::unwrapped;

/// Why an attempt to provision failed, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProvisionFailure {
    /// The gRPC code of the driver's answer, such as `ResourceExhausted`; null where the driver wasn't reached.
    pub code: Option<String>,
    pub cause: FailureCause,
    /// The essential words.
    pub text: String,
}

/// The kind of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum FailureCause {
    /// A secret that the class names doesn't exist.
    SecretMissing { namespace: String, name: String },
    /// The provisioner may not read a secret that the class names.
    SecretForbidden { namespace: String, name: String },
    /// The class's parameters about secrets make no name.
    SecretTemplate,
    /// The provisioner makes volumes on a node and was given none.
    NoNode,
    /// The volume can't be made where the topology asks for it.
    Topology,
    /// The snapshot to restore isn't there or isn't ready.
    Snapshot { name: String },
    /// An admission webhook stood in the way of the claim's or volume's update.
    Webhook { name: String },
    /// The API server refuses what the provisioner may not do.
    Forbidden,
    /// The storage's side refuses the driver: credentials or permissions.
    Denied,
    /// A quota of the storage's side is used up.
    Quota,
    /// The storage has too little room.
    NoRoom,
    /// The storage's side doesn't know something that the class or claim names.
    NotFound,
    /// The driver has no volumes that can be used as the claim asks: by several nodes, or as a file system there.
    AccessMode,
    /// The driver makes no volumes of the size that is asked.
    Size,
    /// The driver doesn't take the parameters, or can't do what is asked.
    Invalid,
    /// The driver or the storage can't be reached.
    Unreachable,
    /// An earlier call for the same volume still runs.
    Busy,
    /// The call took too long.
    Deadline,
    /// Another failure.
    Other,
}

impl FailureCause {
    /// Whether it only says that another attempt didn't end: it never is the root, an earlier failure may be.
    pub fn echo(&self) -> bool {
        matches!(self, Self::Busy | Self::Deadline)
    }
}

/// Code and words that begin the driver's answer.
const RPC: &str = "rpc error: code = ";
/// Begin the parts of a topology requirement.
const REQUISITE: &str = "requisite:";
const PREFERRED: &str = "preferred:";
/// How long essential words may be, in characters.
const LONGEST: usize = 320;

impl ProvisionFailure {
    /// Reads the message of a `ProvisioningFailed` event.
    pub fn parse(message: &str) -> Self {
        let code = message.split_once(RPC).map(|(_, rest)| rest.split(' ').next().unwrap_or_default().to_owned());
        let text = essential(message);
        Self { cause: cause(&text, code.as_deref()), text, code }
    }
}

fn cause(text: &str, code: Option<&str>) -> FailureCause {
    let lower = text.to_lowercase();
    kubernetes_cause(text, &lower)
        .or_else(|| claim_cause(&lower, code))
        .filter(|cause| *cause != FailureCause::Topology || code != Some("ResourceExhausted"))
        .or_else(|| storage_cause(&lower))
        .or_else(|| Some(code_cause(code?)))
        .unwrap_or(FailureCause::Other)
}

/// What Kubernetes' own part of the way says (`kubernetes-csi/external-provisioner`, pkg/controller).
fn kubernetes_cause(text: &str, lower: &str) -> Option<FailureCause> {
    if let Some(rest) = after(text, "error getting secret ") {
        let name = rest.split_whitespace().next().unwrap_or_default().to_owned();
        let namespace = after(rest, "in namespace ").unwrap_or_default();
        let namespace = namespace.split([':', ' ']).next().unwrap_or_default().to_owned();
        return match lower {
            _ if lower.contains("forbidden") => Some(FailureCause::SecretForbidden { namespace, name }),
            _ if lower.contains("not found") => Some(FailureCause::SecretMissing { namespace, name }),
            _ => None,
        };
    }
    if lower.contains("secrets specified in parameters") || lower.contains("namespace template from params") {
        return Some(FailureCause::SecretTemplate);
    }
    if let Some(rest) = after(text, "failed calling webhook ") {
        return Some(FailureCause::Webhook { name: quoted(rest).unwrap_or_default().to_owned() });
    }
    if lower.contains("is forbidden: user ") {
        return Some(FailureCause::Forbidden);
    }
    let snapshot = after(text, "DataSource Type VolumeSnapshot by Name ");
    if let Some(name) = snapshot.and_then(|rest| rest.split([':', ' ']).next()) {
        return Some(FailureCause::Snapshot { name: name.to_owned() });
    }
    if any(lower, &["no node was specified", "no node specified", "selected-node"]) {
        return Some(FailureCause::NoNode);
    }
    let topology = ["topology", "accessibility requirement", "accessible from all", "requested zone"];
    if any(lower, &topology) {
        return Some(FailureCause::Topology);
    }
    None
}

/// What the driver doesn't take of the claim itself, by the words that vendors use.
fn claim_cause(lower: &str, code: Option<&str>) -> Option<FailureCause> {
    if any(lower, ACCESS_MODE) {
        return Some(FailureCause::AccessMode);
    }
    let refused = matches!(code, Some("InvalidArgument" | "OutOfRange"));
    (refused && any(lower, SIZE) && any(lower, BOUND)).then_some(FailureCause::Size)
}

/// What the driver passes on from the storage's side, by the words that vendors use. Google answers 403 for quotas too.
fn storage_cause(lower: &str) -> Option<FailureCause> {
    let causes: [(&[&str], FailureCause); 7] = [
        (QUOTA, FailureCause::Quota),
        (DENIED, FailureCause::Denied),
        (NO_ROOM, FailureCause::NoRoom),
        (UNREACHABLE, FailureCause::Unreachable),
        (BUSY, FailureCause::Busy),
        (NOT_FOUND, FailureCause::NotFound),
        (DEADLINE, FailureCause::Deadline),
    ];
    causes.into_iter().find(|(words, _)| any(lower, words)).map(|(_, cause)| cause)
}

const ACCESS_MODE: &[&str] = &[
    "access mode",
    "accessmode",
    "multi_node_",
    "capability at index",
    "capability not supported",
    "capabilities not supported",
    "readwritemany is not supported",
];
const SIZE: &[&str] = &[
    "volume size",
    "volumesize",
    "disk size",
    "storage size",
    "requested size",
    "requested capacity",
    "minimum size",
    "maximum size",
    "capacity range",
];
const BOUND: &[&str] = &["minimum", "maximum", "at least", "at most", "between", "too small", "too large"];
const DENIED: &[&str] = &[
    "accessdenied",
    "access denied",
    "permission",
    "unauthorized",
    "not authorized",
    "authorizationfailed",
    "authentication",
    "credentials",
    "assumerole",
    "webidentityerr",
    "nopermission",
    "cannot complete login",
    "incorrect user name or password",
    "expiredtoken",
    "invalidclienttokenid",
    "invalid_grant",
    "aadsts",
    "error 403",
    "statuscode: 403",
    "statuscode: 401",
    "status code: 403",
    "status code: 401",
];
const QUOTA: &[&str] = &[
    "quota",
    "limitexceeded",
    "limit exceeded",
    "limit_exceeded",
    "volume limit",
    "maximum number of",
    "too many volumes",
];
const NO_ROOM: &[&str] = &[
    "no space",
    "not enough space",
    "not enough free",
    "insufficient space",
    "insufficient free",
    "insufficient capacity",
    "insufficientvolumecapacity",
    "out of space",
    "enough capacity",
    "zone_resource_pool_exhausted",
    "enough resources available",
];
const UNREACHABLE: &[&str] = &[
    "connection refused",
    "no such host",
    "no route to host",
    "i/o timeout",
    "connection reset",
    "error while dialing",
    "x509:",
    "tls handshake",
    "network is unreachable",
];
const BUSY: &[&str] = &[
    "already exists",
    "operation is in progress",
    "operation in progress",
    "is pending",
    "idempotent request",
    "backoff condition",
];
const NOT_FOUND: &[&str] = &["not found", "notfound", "does not exist", "no such", "doesn't exist", "couldn't find"];
const DEADLINE: &[&str] = &["deadline exceeded", "timed out", "timeout", "context canceled"];

/// What the code alone says.
fn code_cause(code: &str) -> FailureCause {
    match code {
        "PermissionDenied" | "Unauthenticated" => FailureCause::Denied,
        "ResourceExhausted" => FailureCause::NoRoom,
        "NotFound" => FailureCause::NotFound,
        "InvalidArgument" | "OutOfRange" | "Unimplemented" => FailureCause::Invalid,
        "Unavailable" => FailureCause::Unreachable,
        "Aborted" => FailureCause::Busy,
        "DeadlineExceeded" | "Canceled" => FailureCause::Deadline,
        _ => FailureCause::Other,
    }
}

fn any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

fn after<'t>(text: &'t str, marker: &str) -> Option<&'t str> {
    text.split_once(marker).map(|(_, rest)| rest)
}

fn quoted(text: &str) -> Option<&str> {
    text.split('"').nth(1)
}

/// The words of a failure that people need: without the class's name in front, the wrapping of remote calls, memory
/// addresses and dumps of Go values, and the ids of requests; cut where they are long.
pub(crate) fn essential(message: &str) -> String {
    let mut text = message.to_owned();
    if let Some((_, rest)) = text.split_once("failed to provision volume with StorageClass ") {
        text = rest.split_once("\": ").map_or(rest, |(_, rest)| rest).to_owned();
    }
    while let Some(at) = text.find(RPC) {
        let rest = &text[at + RPC.len()..];
        let end = rest.find("desc = ").map_or(rest.len(), |found| found + "desc = ".len());
        text.replace_range(at..at + RPC.len() + end, "");
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = without_requests(&without_dumps(&without_segments(&unwrapped(&text)))).replace(". Error: <nil>", "");
    let text = without_volume(&text).to_owned();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(": .", ".").replace(": ,", ",");
    shortened(text.trim_end_matches(['.', ',', ':', ' ']), LONGEST)
}

/// `Could not create volume "NAME": WORDS` is told as `WORDS`: whose volume it is is known.
fn without_volume(text: &str) -> &str {
    let named =
        ["Could not create volume \"", "could not create volume \""].into_iter().find_map(|it| text.strip_prefix(it));
    named.and_then(|rest| rest.split_once("\": ")).map_or(text, |(_, words)| words)
}

/// Tells `requisite:<segments:<key:"zone" value:"a" > > preferred:<…>`, a topology requirement as protobuf prints it, as
/// `zone=a`.
fn without_segments(text: &str) -> String {
    let found = text.split_once(REQUISITE).filter(|(_, dump)| dump.starts_with(['<', '{']));
    let Some((before, dump)) = found else { return text.to_owned() };
    let mut end = dump_end(dump);
    let requisite = &dump[..end];
    if let Some(preferred) = dump[end..].trim_start().strip_prefix(PREFERRED) {
        let start = dump.len() - preferred.len();
        end = start + dump_end(preferred);
    }
    let mut pairs = Vec::new();
    for part in requisite.split("key:\"").skip(1) {
        let mut quoted = part.split('"');
        let (key, value) = (quoted.next().unwrap_or_default(), quoted.nth(1).unwrap_or_default());
        let pair = format!("{key}={value}");
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    format!("{before}{}{}", pairs.join(", "), &dump[end..])
}

/// Where the brackets that a text begins with close again; its end where they don't.
fn dump_end(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '<' | '{' => depth += 1,
            '>' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// Takes out `(*types.Fault)`, `(0xc000123)`, `&{…}` and `{…}` behind a type: what Go prints of its values.
fn without_dumps(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['(', '&', '{']) {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let dump = ["(*", "(0x", "&{", "({", "{("].iter().any(|start| from.starts_with(start));
        let length = if dump { dump_length(from) } else { 1 };
        if !dump {
            kept.push_str(&from[..length]);
        }
        rest = &from[length..];
    }
    kept.push_str(rest);
    kept
}

/// The length of a bracketed dump, with its brackets; of the opening alone where they don't close.
fn dump_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + c.len_utf8();
                }
            }
            _ => {}
        }
    }
    text.chars().next().map_or(0, char::len_utf8)
}

/// Takes out the ids by which a provider finds a request again.
fn without_requests(text: &str) -> String {
    let part = |part: &&str| {
        let lower = part.trim().to_lowercase();
        !["requestid:", "request id:", "trace id:", "traceid:", "opid="].iter().any(|id| lower.starts_with(id))
    };
    text.split(", ").filter(part).collect::<Vec<_>>().join(", ")
}

/// A text that is cut between words where it has more characters.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let cut: String = text.chars().take(longest).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{} …", &cut[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(message: &str) -> (FailureCause, String) {
        let failure = ProvisionFailure::parse(message);
        (failure.cause, failure.text)
    }

    #[test]
    fn the_wrapping_goes_and_the_words_stay() {
        for (message, text) in [
            (
                "failed to provision volume with StorageClass \"fast\": rpc error: code = ResourceExhausted desc = out \
                 of quota",
                "out of quota",
            ),
            ("rpc error: code = Unknown desc = rpc error: code = Internal desc = pool  is\n full.", "pool is full"),
            (
                "failed to create: ServerFaultCode: NoPermission: (*types.NoPermission)(0xc00074e2c0)({\n Fault: \
                 (types.SecurityError) {}\n}). opId: x",
                "failed to create: ServerFaultCode: NoPermission. opId: x",
            ),
            (
                "could not create (zone a): api error X: bad, RequestID: 1-2, done",
                "could not create (zone a): api error X: bad, done",
            ),
            ("Could not create volume \"pvc-1\": no key", "no key"),
            ("a ({ never closed", "a { never closed"),
            (
                "no room in topology: requisite:<segments:<key:\"r\" value:\"a\" > segments:<key:\"z\" value:\"b\" > > \
                 preferred:<segments:<key:\"z\" value:\"b\" > > . Error: <nil>",
                "no room in topology: r=a, z=b",
            ),
            ("requisite:{segments:{key:\"z\" value:\"b\"}} then", "z=b then"),
            ("requisite:<segments:<key:\"z", "z="),
            ("", ""),
        ] {
            assert_eq!(essential(message), text);
        }
        assert!(essential(&"word ".repeat(200)).chars().count() <= LONGEST + 2);
        assert!(essential(&"ü".repeat(2000)).chars().count() <= LONGEST + 2);
    }

    #[test]
    fn causes_are_told_apart() {
        use FailureCause as C;
        let secret = |namespace: &str, name: &str| C::SecretMissing { namespace: namespace.into(), name: name.into() };
        for (message, cause) in [
            (
                "failed to provision volume with StorageClass \"b\": error getting secret s in namespace ns: secrets \"s\" \
                 not found",
                secret("ns", "s"),
            ),
            (
                "error getting secret s in namespace ns: secrets \"s\" is forbidden: User \"u\" cannot get resource",
                C::SecretForbidden { namespace: "ns".into(), name: "s".into() },
            ),
            ("configuration error, no node was specified", C::NoNode),
            ("rpc error: code = InvalidArgument desc = capability at index 0 is not supported", C::AccessMode),
            ("multi node access modes are only supported on rbd `block` type volumes", C::AccessMode),
            ("rpc error: code = OutOfRange desc = requested size must be at least 10 GiB", C::Size),
            ("rpc error: code = InvalidArgument desc = blockSize must be at least 4096", C::Invalid),
            ("volume limit (10) has been reached. Current number of volumes: 10", C::Quota),
            (
                "error generating accessibility requirements: selected node '\"n\"' topology 'map[z:a]' is not in allowed \
                 topologies: [map[z:b]]",
                C::Topology,
            ),
            (
                "error getting handle for DataSource Type VolumeSnapshot by Name snap: snapshot snap not bound",
                C::Snapshot { name: "snap".into() },
            ),
            (
                "Error saving claim: Internal error occurred: failed calling webhook \"v.example.com\": failed to call \
                 webhook: Post \"https://x\": service \"x\" not found",
                C::Webhook { name: "v.example.com".into() },
            ),
            (
                "rpc error: code = Internal desc = UnauthorizedOperation: You are not authorized to perform this",
                C::Denied,
            ),
            ("rpc error: code = PermissionDenied desc = no", C::Denied),
            ("rpc error: code = Internal desc = Quota 'SSD_TOTAL_GB' exceeded", C::Quota),
            (
                "rpc error: code = Internal desc = googleapi: Error 403: QUOTA_EXCEEDED - Quota 'SSD_TOTAL_GB' exceeded",
                C::Quota,
            ),
            (
                "rpc error: code = Internal desc = googleapi: Error 403: Required 'compute.disks.create' permission, forbidden",
                C::Denied,
            ),
            (
                "rpc error: code = Unavailable desc = ZONE_RESOURCE_POOL_EXHAUSTED: zone x does not have enough resources",
                C::NoRoom,
            ),
            (
                "rpc error: code = AlreadyExists desc = Parameters on this idempotent request are inconsistent with earlier ones",
                C::Busy,
            ),
            ("rpc error: code = ResourceExhausted desc = all pools", C::NoRoom),
            ("rpc error: code = Internal desc = pool 'x' not found", C::NotFound),
            ("rpc error: code = InvalidArgument desc = bad parameter foo", C::Invalid),
            (
                "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial \
                 unix /csi/csi.sock: connect: connection refused\"",
                C::Unreachable,
            ),
            ("rpc error: code = Aborted desc = an operation with the given Volume ID pvc-1 already exists", C::Busy),
            ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", C::Deadline),
            ("something else", C::Other),
        ] {
            assert_eq!(parse(message).0, cause, "{message}");
        }
    }
}
