//! What stays of the command lines and the environment of containers that are a part of storage or of a cloud provider.

use super::component::{Role, component, program_name, tagged};
use super::pod::{Container, EnvVar, PodSpec};

/// What a flag's value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// None, or `true` and `false`.
    Switch,
    /// The place of a socket.
    Socket,
    /// A driver's name, a namespace, gates.
    Word,
}

/// Flags that stay, without their dashes.
const FLAGS: &[(&str, Value)] = &[
    ("csi-address", Value::Socket),
    ("endpoint", Value::Socket),
    ("kubelet-registration-path", Value::Socket),
    ("plugin-registration-path", Value::Socket),
    ("driver-name", Value::Word),
    ("drivername", Value::Word),
    ("provisioner", Value::Word),
    ("provisioner-name", Value::Word),
    ("cloud-provider", Value::Word),
    ("feature-gates", Value::Word),
    ("leader-election-namespace", Value::Word),
    ("leader-election", Value::Switch),
    ("leader-elect", Value::Switch),
    ("extra-create-metadata", Value::Switch),
    ("strict-topology", Value::Switch),
    ("immediate-topology", Value::Switch),
    ("enable-capacity", Value::Switch),
];

/// Flags that give a driver's name.
const NAMING_FLAGS: &[&str] = &["driver-name", "drivername", "provisioner", "provisioner-name"];

/// Variables that give a driver's name.
const NAMING_VARIABLES: &[&str] = &["PROVISIONER_NAME", "DRIVER_NAME", "CSI_DRIVER_NAME"];

/// Bytes of a value at most.
const MAX_VALUE: usize = 256;

impl PodSpec {
    /// Drops the images, commands and environments of all containers, but for what tells a driver, a cloud provider or
    /// the scheduler.
    pub(super) fn keep_known(&mut self) {
        let known = self.of_storage();
        for container in self.containers.iter_mut().chain(&mut self.init_containers) {
            if known {
                container.keep_flags();
            } else {
                container.keep_scheduler_flags();
                container.image = String::new();
                container.env = Vec::new();
                container.volume_mounts = Vec::new();
            }
        }
    }

    /// Whether the pod is a part of storage or of a cloud provider: by a container, or by the directory in which the
    /// kubelet looks for plugins.
    pub fn of_storage(&self) -> bool {
        let registry = |path: &str| path.trim_end_matches(['/', '\\']).ends_with("plugins_registry");
        self.containers.iter().chain(&self.init_containers).any(|container| container.role().is_some())
            || self.volumes.iter().filter_map(|volume| volume.host_path.as_ref()).any(|host| registry(&host.path))
    }
}

impl Container {
    /// What the container does, where it is known by its image or program.
    pub fn role(&self) -> Option<Role> {
        component(&self.image, self.program()).map(|component| component.role)
    }

    /// The program that the container is told to run; empty where the image decides.
    pub fn program(&self) -> &str {
        let first = self.command.first().or_else(|| self.args.first().filter(|word| !word.starts_with('-')));
        first.map_or("", String::as_str)
    }

    /// The value of a flag, given without its dashes; empty for a switch without one.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let words = self.command.iter().chain(&self.args);
        words.filter_map(|word| parts(word)).find(|(flag, _)| *flag == name).map(|(_, value)| value.unwrap_or(""))
    }

    /// The names of drivers that the container is given.
    pub fn named_drivers(&self) -> impl Iterator<Item = &str> {
        let flags = NAMING_FLAGS.iter().filter_map(|flag| self.flag(flag));
        let variables = self.env.iter().filter(|variable| NAMING_VARIABLES.contains(&variable.name.as_str()));
        flags.chain(variables.map(|variable| variable.value.as_str())).filter(|name| !name.is_empty())
    }

    fn keep_flags(&mut self) {
        let program = component("", self.program()).map(|_| program_name(self.program()).to_owned());
        let env = std::mem::take(&mut self.env);
        let args = std::mem::take(&mut self.args);
        let command = std::mem::take(&mut self.command);
        let in_args = command.is_empty();
        let words: Vec<String> = command.into_iter().chain(args).collect();
        let flags = kept(&words, &env);
        let (with_program, rest) =
            if in_args { (&mut self.args, None) } else { (&mut self.command, Some(&mut self.args)) };
        with_program.extend(program);
        rest.unwrap_or(with_program).extend(flags);
        self.env = env.into_iter().filter(|variable| NAMING_VARIABLES.contains(&variable.name.as_str())).collect();
        self.env.retain(|variable| fits(Value::Word, &variable.value));
        self.volume_mounts.retain(|mount| fits(Value::Socket, &mount.mount_path));
        self.image = tagged(&self.image).chars().take(MAX_VALUE).collect();
    }
}

/// The flags that stay, each as one word, with the variables in them filled in.
fn kept(words: &[String], env: &[EnvVar]) -> Vec<String> {
    let mut flags = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some((name, value)) = parts(word) else { continue };
        let Some((name, kind)) = FLAGS.iter().find(|(flag, _)| *flag == name) else { continue };
        let next = || words.get(at + 1).filter(|_| *kind != Value::Switch).map(String::as_str);
        match value.or_else(next).map(|value| filled(value, env)) {
            None if *kind == Value::Switch => flags.push(format!("--{name}")),
            Some(value) if fits(*kind, &value) => flags.push(format!("--{name}={value}")),
            _ => {}
        }
    }
    flags
}

/// A flag without its dashes, with what stands behind `=`.
fn parts(word: &str) -> Option<(&str, Option<&str>)> {
    let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    Some(flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value))))
}

/// Whether a value is what the flag takes, and nothing that could be a secret's place.
fn fits(kind: Value, value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "./_-=,:".contains(c);
    let short = value.len() <= MAX_VALUE && !value.contains("$(");
    match kind {
        Value::Switch => matches!(value, "true" | "false"),
        Value::Word => short && value.chars().all(plain),
        Value::Socket => {
            short && (value.starts_with(['/', '\\']) || value.starts_with("unix:") || value.get(1..3) == Some(":\\"))
        }
    }
}

/// A value with its `$(VARIABLE)`s filled in, as the kubelet does (`third_party/forked/golang/expansion`).
fn filled(value: &str, env: &[EnvVar]) -> String {
    let mut text = value.to_owned();
    for variable in env.iter().filter(|variable| !variable.value.is_empty() && variable.value.len() <= MAX_VALUE) {
        if text.len() <= MAX_VALUE && text.contains("$(") {
            text = text.replace(&format!("$({})", variable.name), &variable.value);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept_of(spec: serde_json::Value) -> PodSpec {
        let mut spec: PodSpec = serde_json::from_value(spec).unwrap();
        spec.keep_known();
        let once = spec.clone();
        spec.keep_known();
        assert_eq!(spec, once, "what is kept stays kept");
        spec
    }

    #[test]
    fn only_known_flags_of_a_drivers_containers_stay() {
        let spec = kept_of(json!({ "containers": [
            { "name": "a", "image": "example.com/own:1@sha256:12", "command": ["/driver", "--token=secret", "--drivername", "x.example"],
              "args": ["--endpoint=https://user:pw@host"], "env": [{ "name": "KEY", "value": "secret" }, { "name": "DRIVER_NAME", "value": "x.example" }] },
            { "name": "r", "image": "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2", "args": ["-v=2",
              "--kubelet-registration-path=$(REG)", "-leader-election", "--csi-address=$(UNKNOWN)"],
              "env": [{ "name": "REG", "value": "/var/lib/kubelet/plugins/x.example/csi.sock" }] }] }));
        let own = &spec.containers[0];
        assert_eq!((own.image.as_str(), own.command.len()), ("example.com/own:1", 0));
        assert_eq!(own.args, ["--drivername=x.example"]);
        assert_eq!(own.env.len(), 1);
        assert_eq!(own.named_drivers().collect::<Vec<_>>(), ["x.example", "x.example"]);
        let registrar = &spec.containers[1];
        let path = "--kubelet-registration-path=/var/lib/kubelet/plugins/x.example/csi.sock";
        assert_eq!(registrar.args, [path, "--leader-election"]);
        assert_eq!(registrar.role(), Some(Role::Registrar));
    }

    #[test]
    fn a_program_that_is_known_stays_and_tells_the_role() {
        let spec = kept_of(json!({ "containers": [
            { "name": "p", "image": "example.com/all:1", "command": ["/csi-provisioner", "--password=x"], "args": ["--csi-address=/csi.sock"] },
            { "name": "s", "image": "example.com/all:1", "command": ["sh", "-c", "secret"] }] }));
        assert_eq!(spec.containers[0].command, ["csi-provisioner"]);
        assert_eq!(spec.containers[0].role(), Some(Role::Provisioner));
        assert!(spec.containers[1].command.is_empty() && spec.containers[1].args.is_empty());
    }

    #[test]
    fn of_every_other_container_nothing_stays() {
        let spec = kept_of(json!({ "containers": [{ "name": "csi-provisioner", "image": "example.com/app:1",
            "args": ["--csi-address=/csi.sock"], "env": [{ "name": "DRIVER_NAME", "value": "x" }] }] }));
        let container = &spec.containers[0];
        assert!(container.image.is_empty() && container.args.is_empty() && container.env.is_empty());
    }

    #[test]
    fn of_the_scheduler_only_flags_about_its_configuration_stay() {
        let spec =
            kept_of(json!({ "containers": [{ "name": "kube-scheduler", "image": "registry.k8s.io/kube-scheduler:v1",
            "command": ["kube-scheduler", "--config=/c", "--leader-elect=true"] }] }));
        assert_eq!(spec.containers[0].command, ["kube-scheduler", "--config=/c"]);
    }
}
