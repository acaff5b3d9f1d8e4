//! What mount programs and the libraries of clouds write around the words that matter.

/// What stands between a mount that failed and what the mount program said (`k8s.io/mount-utils`, mount_linux.go).
const MOUNT_COMMAND: &str = "Mounting command:";
const MOUNT_OUTPUT: &str = "Output:";
/// Where mount programs send readers.
const MANUALS: &[&str] = &["Refer to the mount.cifs(8) manual page", "dmesg(1) may have more information"];
/// Begins a call of the AWS library, which ends with the cloud's answer (`aws-sdk-go-v2`, smithy's OperationError).
const AWS_CALL: &str = "operation error ";
const AWS_ANSWER: &str = "api error ";
/// What AWS encodes of a refusal; nobody can read it without a call of its own.
const AWS_ENCODED: &str = "Encoded authorization failure message:";
/// Begins the code in an answer of the Azure library (`azure-sdk-for-go`, azcore's ResponseError).
const AZURE_CODE: &str = "ERROR CODE: ";
/// Begins what the Azure library says of its request.
const AZURE_CALLS: &[&str] = &["PUT https://", "GET https://", "PATCH https://", "POST https://", "DELETE https://"];
/// How long a path may be before it only hides the words around it, in characters.
const LONGEST_PATH: usize = 40;

/// The words without the command lines of mounts, the requests of clouds' libraries and what only these understand.
pub(super) fn unwrapped(text: &str) -> String {
    without_azure_call(&without_aws_call(&without_mount_command(text)))
}

/// `mount failed: exit status 32 Mounting command: … Output: WORDS` is told as `mount failed: exit status 32: WORDS`.
fn without_mount_command(text: &str) -> String {
    let Some((before, command)) = text.split_once(MOUNT_COMMAND) else { return text.to_owned() };
    let output = command.split_once(MOUNT_OUTPUT).map_or("", |(_, output)| output);
    let output = MANUALS.iter().fold(output, |output, manual| output.split(manual).next().unwrap_or(output));
    let output = short_paths(output.trim());
    let output = output.strip_prefix("mount: …: ").unwrap_or(&output);
    let before = short_paths(before.trim_end());
    if output.is_empty() { before } else { format!("{before}: {output}") }
}

fn short_paths(text: &str) -> String {
    text.split_whitespace().map(short_path).collect::<Vec<_>>().join(" ")
}

/// A long path is told as `…`, with what encloses it.
fn short_path(word: &str) -> String {
    let path = word.trim_start_matches('"');
    if !path.starts_with('/') || path.starts_with("//") || path.chars().count() <= LONGEST_PATH {
        return word.to_owned();
    }
    let end = path.trim_end_matches(['"', ':', ',', '.', ';']);
    format!("{}…{}", &word[..word.len() - path.len()], &path[end.len()..])
}

/// `WHAT: operation error S: OPERATION, …, api error CODE: WORDS` is told as `WHAT: CODE: WORDS`.
fn without_aws_call(text: &str) -> String {
    let text = text.split(AWS_ENCODED).next().unwrap_or(text).trim_end();
    let Some(start) = text.find(AWS_CALL) else { return text.to_owned() };
    let Some(answer) = text.rfind(AWS_ANSWER).filter(|answer| *answer > start) else { return text.to_owned() };
    format!("{}{}", &text[..start], &text[answer + AWS_ANSWER.len()..])
}

/// `WHAT failed with PUT https://… ERROR CODE: CODE … "message": "WORDS"` is told as `WHAT failed with CODE: WORDS`.
fn without_azure_call(text: &str) -> String {
    let Some((call, answer)) = text.split_once(AZURE_CODE) else { return text.to_owned() };
    let start = AZURE_CALLS.iter().filter_map(|begin| call.find(begin)).min().unwrap_or(call.len());
    let code = answer.split_whitespace().next().unwrap_or_default();
    let message = answer.split_once("\"message\": \"").and_then(|(_, rest)| rest.split_once('"'));
    match message {
        Some((message, _)) => format!("{}{code}: {message}", &call[..start]),
        None => format!("{}{answer}", &call[..start]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_other_side_stay() {
        let long = "/var/lib/kubelet/plugins/kubernetes.io/csi/x/globalmount";
        for (text, expected) in [
            (
                format!(
                    "mount failed: exit status 32 Mounting command: mount Mounting arguments: -t nfs s:/e {long} Output: \
                     mount: {long}: bad option; see there."
                ),
                "mount failed: exit status 32: bad option; see there.",
            ),
            (
                format!(
                    "mount //s/share on {long} failed with mount failed: exit status 32 Mounting command: mount Output: mount \
                     error(13): Permission denied Refer to the mount.cifs(8) manual page (e.g. man mount.cifs)"
                ),
                "mount //s/share on … failed with mount failed: exit status 32: mount error(13): Permission denied",
            ),
            (
                format!("Could not mount \"fs:/\" at \"{long}\": x Mounting command: cut"),
                "Could not mount \"fs:/\" at \"…\": x",
            ),
            (
                "could not create: operation error EC2: CreateVolume, https response error StatusCode: 403, RequestID: 1, api \
                 error Unauthorized: no. Encoded authorization failure message: a8"
                    .to_owned(),
                "could not create: Unauthorized: no.",
            ),
            (
                "operation error EC2: X, get identity, operation error STS: Y, api error AccessDenied: no".to_owned(),
                "AccessDenied: no",
            ),
            ("operation error EC2: X, exceeded maximum".to_owned(), "operation error EC2: X, exceeded maximum"),
            (
                "attach to n1 failed with PUT https://x ---- RESPONSE 409: 409 Conflict ERROR CODE: Bad ---- { \"error\": { \
                 \"code\": \"Bad\", \"message\": \"no slot\" } }"
                    .to_owned(),
                "attach to n1 failed with Bad: no slot",
            ),
            ("x ERROR CODE: Bad no slot".to_owned(), "x Bad no slot"),
            ("no slot".to_owned(), "no slot"),
        ] {
            assert_eq!(unwrapped(&text), expected);
        }
    }
}
