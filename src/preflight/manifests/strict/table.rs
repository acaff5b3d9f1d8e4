//! The fields of Kubernetes' kinds by release, as `tests/field-table` writes them down.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The table that is compiled in.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("fields.txt")));

/// What a value is decoded into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// The name of a struct in the table.
    Struct(&'static str),
    List {
        item: Box<Type>,
        name: Option<&'static str>,
    },
    Map {
        value: Box<Type>,
        key: &'static str,
        name: Option<&'static str>,
    },
    Scalar {
        kind: Scalar,
        name: &'static str,
    },
    Pointer(Box<Type>),
    Bytes,
    Quantity,
    IntOrString,
    Time,
    MicroTime,
    Duration,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Text,
    Bool,
    /// With the smallest and the largest value.
    Integer(i64, i64),
    Unsigned(u64),
    Float,
}

impl Scalar {
    /// What Go's reflection calls it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Bool => "bool",
            Self::Float => "float64",
            Self::Integer(_, most) if most == i64::from(i8::MAX) => "int8",
            Self::Integer(_, most) if most == i64::from(i16::MAX) => "int16",
            Self::Integer(_, most) if most == i64::from(i32::MAX) => "int32",
            Self::Integer(..) => "int64",
            Self::Unsigned(most) if most == u64::from(u8::MAX) => "uint8",
            Self::Unsigned(most) if most == u64::from(u16::MAX) => "uint16",
            Self::Unsigned(most) if most == u64::from(u32::MAX) => "uint32",
            Self::Unsigned(_) => "uint64",
        }
    }
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    /// The structs that it stands in within its own, as Go names them.
    pub(super) embedded: Vec<&'static str>,
    /// The first and the last release that know it.
    pub(super) releases: (u32, u32),
}

#[derive(Debug, Default)]
pub(super) struct Table {
    kinds: HashMap<(&'static str, &'static str), &'static str>,
    structs: HashMap<&'static str, Vec<Field>>,
}

impl Table {
    /// The struct of a kind.
    pub(super) fn kind(&self, api_version: &str, kind: &str) -> Option<&'static str> {
        let kinds: &HashMap<(&str, &str), &'static str> = &self.kinds;
        kinds.get(&(api_version, kind)).copied()
    }

    /// Whether a kind of the table is of the group.
    pub(super) fn knows_group(&self, group: &str) -> bool {
        self.kinds.keys().any(|(version, _)| version.rsplit_once('/').map_or("", |(group, _)| group) == group)
    }

    /// The fields of a struct by name; of several releases each.
    pub(super) fn fields(&self, name: &str) -> &[Field] {
        self.structs.get(name).map_or(&[], Vec::as_slice)
    }

    fn parse(text: &'static str) -> Self {
        let mut table = Self::default();
        let mut releases = (0, u32::MAX);
        let mut current = "";
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), line.starts_with(' ')) {
                (Some(name), true) => {
                    if let Some(field) = field(name, words, releases) {
                        table.structs.entry(current).or_default().push(field);
                    }
                }
                (Some("releases"), _) => {
                    releases = words.next().and_then(|word| span(word, releases)).unwrap_or(releases)
                }
                (Some("type"), _) => current = words.next().unwrap_or_default(),
                (Some("kind"), _) => {
                    if let (Some(version), Some(kind), Some(name)) = (words.next(), words.next(), words.next()) {
                        table.kinds.insert((version, kind), name);
                    }
                }
                _ => {}
            }
        }
        let newest = releases.1;
        for field in table.structs.values_mut().flatten() {
            if field.releases.1 == newest {
                field.releases.1 = u32::MAX;
            }
        }
        table
    }
}

fn field(name: &'static str, mut words: std::str::SplitWhitespace<'static>, all: (u32, u32)) -> Option<Field> {
    let kind = Type::parse(words.next()?);
    let (mut embedded, mut releases) = (Vec::new(), all);
    for word in words {
        match word.strip_prefix('@') {
            Some(name) => embedded.push(name),
            None => releases = span(word, all)?,
        }
    }
    // Releases before the oldest of the table are taken to know what that knows.
    if releases.0 == all.0 {
        releases.0 = 0;
    }
    Some(Field { name, kind, embedded, releases })
}

/// `31-34`, with the oldest and the newest release left out.
fn span(word: &str, all: (u32, u32)) -> Option<(u32, u32)> {
    let (first, last) = word.split_once('-')?;
    let or = |word: &str, default| if word.is_empty() { Some(default) } else { word.parse().ok() };
    Some((or(first, all.0)?, or(last, all.1)?))
}

impl Type {
    fn parse(text: &'static str) -> Self {
        let (name, text) = match text.split_once('=') {
            Some((name, rest)) if !name.contains(['[', '{']) => (Some(name), rest),
            _ => (None, text),
        };
        if let Some(item) = text.strip_prefix("[]") {
            return Self::List { item: Box::new(Self::parse(item)), name };
        }
        if let Some((key, value)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            let key = if key.is_empty() { "string" } else { key };
            return Self::Map { value: Box::new(Self::parse(value)), key, name };
        }
        if let Some(inner) = text.strip_prefix('*') {
            return Self::Pointer(Box::new(Self::parse(inner)));
        }
        let (kind, name) = text.split_once(':').unwrap_or((text, text));
        let scalar = |kind| Self::Scalar { kind, name };
        match kind {
            "string" => scalar(Scalar::Text),
            "bool" => scalar(Scalar::Bool),
            "int" | "int64" => scalar(Scalar::Integer(i64::MIN, i64::MAX)),
            "int32" => scalar(Scalar::Integer(i32::MIN.into(), i32::MAX.into())),
            "int16" => scalar(Scalar::Integer(i16::MIN.into(), i16::MAX.into())),
            "uint8" => scalar(Scalar::Unsigned(u8::MAX.into())),
            "uint16" => scalar(Scalar::Unsigned(u16::MAX.into())),
            "uint32" => scalar(Scalar::Unsigned(u32::MAX.into())),
            "uint64" => scalar(Scalar::Unsigned(u64::MAX)),
            "float32" | "float64" => scalar(Scalar::Float),
            "bytes" => Self::Bytes,
            "quantity" => Self::Quantity,
            "intorstring" => Self::IntOrString,
            "time" => Self::Time,
            "microtime" => Self::MicroTime,
            "duration" => Self::Duration,
            "any" => Self::Any,
            other => Self::Struct(other),
        }
    }

    /// The name of the type as Go prints it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Struct(name) => name.rsplit('/').next().unwrap_or(name).to_owned(),
            Self::List { name: Some(name), .. } | Self::Map { name: Some(name), .. } | Self::Scalar { name, .. } => {
                (*name).to_owned()
            }
            Self::List { item, name: None } => format!("[]{}", item.name()),
            Self::Map { value, key, name: None } => format!("map[{key}]{}", value.name()),
            Self::Pointer(inner) => format!("*{}", inner.name()),
            Self::Bytes => "[]uint8".to_owned(),
            Self::Quantity => "resource.Quantity".to_owned(),
            Self::IntOrString => "intstr.IntOrString".to_owned(),
            Self::Time => "v1.Time".to_owned(),
            Self::MicroTime => "v1.MicroTime".to_owned(),
            Self::Duration => "v1.Duration".to_owned(),
            Self::Any => "interface {}".to_owned(),
        }
    }
}
