//! Walks the tables of the file by the schema and collects everything that is wrong, so that one run shows it all.
//!
//! A failed value is reported once and then is [`Failed`]: nothing is replaced by a default, and a thing with a failed
//! part is not built. Places of all values are kept for the checks of relations that come after.

use crate::finding::{Finding, Severity, Snippet};
use crate::model::PerNode;
use crate::schema::{Default, Field, Table, Times};
use crate::suggest;
use crate::values::{self, Bad, Val};
use hotpair_types::NodeName;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value that could not be built; what is wrong has been reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// Value, or nothing because the key is absent and may be, or failed.
pub type Read<T> = Result<T, Failed>;

/// Collects findings and places.
pub struct Reader<'t> {
    file: PathBuf,
    text: &'t str,
    /// What has been found.
    pub findings: Vec<Finding>,
    /// Key path -> place in the text.
    places: BTreeMap<String, Range<usize>>,
    /// Key path -> canonical value of everything that differs from its default: what the file means.
    pub meaning: BTreeMap<String, String>,
    /// Names of the two nodes, once they are known.
    pub nodes: Option<[NodeName; 2]>,
}

impl<'t> Reader<'t> {
    /// A reader for a text.
    pub fn new(file: &Path, text: &'t str) -> Self {
        let mut places = BTreeMap::new();
        places.insert(String::new(), 0..0);
        Self { file: file.into(), text, findings: Vec::new(), places, meaning: BTreeMap::new(), nodes: None }
    }

    /// Where a key path was written; for an absent key its table's head.
    fn place(&self, key: &str) -> Range<usize> {
        let mut key = key;
        loop {
            if let Some(span) = self.places.get(key) {
                return span.clone();
            }
            key = key.rsplit_once('.').map_or("", |(parent, _)| parent);
        }
    }

    /// Reports an error at a key path.
    pub fn error(&mut self, id: &'static str, key: &str, args: &[(&'static str, &str)]) {
        let span = self.place(key);
        self.report(Severity::Error, id, key, span, args);
    }

    /// Reports a warning at a key path.
    pub fn warn(&mut self, id: &'static str, key: &str, args: &[(&'static str, &str)]) {
        let span = self.place(key);
        self.report(Severity::Warning, id, key, span, args);
    }

    /// Reports at a place in the text; an empty key path means the file as a whole.
    pub fn report(
        &mut self,
        severity: Severity,
        id: &'static str,
        key: &str,
        span: Range<usize>,
        args: &[(&'static str, &str)],
    ) {
        let whole_file = key.is_empty() && span == (0..0);
        let (line, column, snippet) = if whole_file { (0, 0, None) } else { self.locate(&span) };
        let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let finding =
            Finding { severity, file: self.file.clone(), line, column, key: key.to_owned(), id, args, snippet };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Line and column from 1, and the line itself.
    fn locate(&self, span: &Range<usize>) -> (usize, usize, Option<Snippet>) {
        let start = span.start.min(self.text.len());
        let (before, _) = self.text.split_at_checked(start).unwrap_or((self.text, ""));
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let number = before.matches('\n').count() + 1;
        let marked_from = before.get(line_start..).unwrap_or_default().chars().count();
        let marked = self.text.get(start..span.end.max(start)).unwrap_or_default();
        let len = marked.lines().next().unwrap_or_default().chars().count().max(1);
        (number, marked_from + 1, Some(Snippet { line: line.to_owned(), start: marked_from, len }))
    }

    /// Whether this key path is written in the file.
    pub fn has_place(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// Key path of a per-node value: in the node's table if it is written there, else in the table itself.
    pub fn per_node_place(&self, at: &str, node: &str, key: &str) -> String {
        let inner = format!("{at}.node.{node}.{key}");
        if self.has_place(&inner) { inner } else { format!("{at}.{key}") }
    }

    /// Remembers where something is.
    pub fn note_place(&mut self, key: &str, span: Range<usize>) {
        self.places.insert(key.to_owned(), span);
    }

    fn bad(&mut self, key: &str, name: &str, bad: Bad) {
        let mut args: Vec<(&'static str, &str)> = vec![("key", name)];
        args.extend(bad.args.iter().map(|(n, v)| (*n, v.as_str())));
        self.report(Severity::Error, bad.id, key, bad.span, &args);
    }
}

/// `a.b` from `a` and `b`; `b` alone at the top.
fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

/// The tables of one name below a table, each with its key path: `group[web]`, or `group[#2]` where names do not tell them apart.
pub fn tables<'t>(r: &mut Reader<'t>, parent: &DeTable<'t>, above: &str, schema: &'static Table) -> Vec<Found> {
    let name = schema.path.rsplit('.').next().unwrap_or_default();
    let Some(value) = parent.get(name) else { return Vec::new() };
    let key = join(above, name);
    r.note_place(&key, value.span());
    match (value.get_ref(), schema.times) {
        (DeValue::Table(_), Times::Once) => vec![Found { at: key, index: None }],
        (DeValue::Array(items), Times::Many) => {
            let mut seen = BTreeSet::new();
            let mut found = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let number = format!("#{}", index + 1);
                let label = match item.get_ref() {
                    DeValue::Table(table) => {
                        table.get("name").and_then(|n| n.get_ref().as_str()).map_or(number.clone(), str::to_owned)
                    }
                    _ => {
                        let args = [("table", schema.path), ("brackets", "[[…]]")];
                        r.report(Severity::Error, "C023", &key, item.span(), &args);
                        continue;
                    }
                };
                let label = if seen.insert(label.clone()) { label } else { number };
                let at = format!("{key}[{label}]");
                r.note_place(&at, item.span());
                found.push(Found { at, index: Some(index) });
            }
            found
        }
        (_, times) => {
            let brackets = if times == Times::Once { "[…]" } else { "[[…]]" };
            r.report(Severity::Error, "C023", &key, value.span(), &[("table", schema.path), ("brackets", brackets)]);
            Vec::new()
        }
    }
}

/// A table that was found: its key path, and its number in the array.
pub struct Found {
    /// Key path.
    pub at: String,
    index: Option<usize>,
}

impl Found {
    /// The table itself.
    pub fn table<'d, 't>(&self, parent: &'d DeTable<'t>, schema: &Table) -> Option<&'d DeTable<'t>> {
        let name = schema.path.rsplit('.').next().unwrap_or_default();
        let value = parent.get(name)?.get_ref();
        let item = match self.index {
            None => value,
            Some(index) => value.get(index)?.get_ref(),
        };
        match item {
            DeValue::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// A table being read by its schema.
pub struct Tab<'d, 't> {
    schema: &'static Table,
    table: Option<&'d DeTable<'t>>,
    /// Key path.
    pub at: String,
}

/// One value to read: its key path, what is written there, and for which node if not for both.
#[derive(Clone, Copy)]
struct Spot<'a, 'd, 't> {
    path: &'a str,
    given: Option<&'d Spanned<DeValue<'t>>>,
    node: Option<&'a NodeName>,
}

impl<'d, 't> Tab<'d, 't> {
    /// Opens a table: unknown keys and keys without a meaning here are reported. `None`: absent, every key has its default.
    pub fn open(r: &mut Reader<'t>, schema: &'static Table, table: Option<&'d DeTable<'t>>, at: &str) -> Self {
        let tab = Self { schema, table, at: at.to_owned() };
        let Some(table) = table else { return tab };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let path = join(at, name);
            r.note_place(&path, value.span());
            if name == "node" && schema.has_node_tables() {
                tab.open_nodes(r, value.get_ref(), &path, value.span());
            } else if let Some(field) = schema.field(name) {
                tab.check_condition(r, field, &path, key.span());
            } else if !schema.children.contains(&name) {
                unknown_key(r, schema, name, &path, key.span());
            }
        }
        tab
    }

    /// A table of which only some keys are read; the others are not judged.
    pub fn peek(schema: &'static Table, table: &'d DeTable<'t>, at: &str) -> Self {
        Self { schema, table: Some(table), at: at.to_owned() }
    }

    fn open_nodes(&self, r: &mut Reader<'t>, nodes: &'d DeValue<'t>, at: &str, span: Range<usize>) {
        let DeValue::Table(nodes) = nodes else {
            r.report(Severity::Error, "C023", at, span, &[("table", at), ("brackets", "[… .node.NAME]")]);
            return;
        };
        for (node, value) in nodes {
            let name = node.get_ref().as_ref();
            let path = join(at, name);
            r.note_place(&path, value.span());
            if let Some(names) = r.nodes.clone().filter(|names| !names.iter().any(|n| n.as_str() == name)) {
                let known = names.each_ref().map(|n| format!("\"{n}\"")).join(" | ");
                r.report(Severity::Error, "C034", &path, node.span(), &[("value", name), ("choices", &known)]);
                continue;
            }
            let DeValue::Table(keys) = value.get_ref() else {
                r.report(
                    Severity::Error,
                    "C023",
                    &path,
                    value.span(),
                    &[("table", &path), ("brackets", "[… .node.NAME]")],
                );
                continue;
            };
            for (key, value) in keys {
                let name = key.get_ref().as_ref();
                let path = join(&path, name);
                r.note_place(&path, value.span());
                match self.schema.field(name) {
                    Some(field) if field.per_node => self.check_condition(r, field, &path, key.span()),
                    Some(_) => r.report(Severity::Error, "C015", &path, key.span(), &[("key", name)]),
                    None => unknown_key(r, self.schema, name, &path, key.span()),
                }
            }
        }
    }

    /// A key that only has a meaning with another key's value must not be there without it.
    fn check_condition(&self, r: &mut Reader<'t>, field: &Field, path: &str, span: Range<usize>) {
        if let Some((key, value)) = field.when
            && !self.applies(field)
            && self.word(key).is_some()
        {
            let condition = format!("{key} = \"{value}\"");
            r.report(Severity::Error, "C014", path, span, &[("key", field.key), ("condition", &condition)]);
        }
    }

    fn applies(&self, field: &Field) -> bool {
        field.when.is_none_or(|(key, value)| self.word(key).as_deref() == Some(value))
    }

    /// The word a choice key has, given or by default; `None` if it is wrong or missing.
    fn word(&self, key: &str) -> Option<String> {
        let field = self.schema.field(key)?;
        let given = self.table.and_then(|t| t.get(key));
        let checked = match (given, field.default) {
            (Some(value), _) => values::check(field.ty, value),
            (None, Default::Toml(text)) => values::check(field.ty, &DeValue::parse(text).ok()?),
            (None, _) => return None,
        };
        match checked {
            Ok(Val::Text(word)) => Some(word),
            _ => None,
        }
    }

    /// Whether the key is in the file (for per-node keys: outside of the node tables).
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|t| t.contains_key(key))
    }

    fn node_item(&self, node: &NodeName, key: &str) -> Option<&'d Spanned<DeValue<'t>>> {
        let nodes = self.table?.get("node")?.get_ref();
        match nodes.get(node.as_str())?.get_ref() {
            DeValue::Table(table) => table.get(key),
            _ => None,
        }
    }

    /// The value of a key: given, by default, or `None` if it may be absent (or has no meaning here).
    fn value(&self, r: &mut Reader<'t>, key: &str) -> Read<Option<Val>> {
        let field = self.schema.field(key).ok_or(Failed)?;
        let path = join(&self.at, key);
        let given = self.table.and_then(|t| t.get(key));
        self.one(r, field, &Spot { path: &path, given, node: None })
    }

    fn one(&self, r: &mut Reader<'t>, field: &'static Field, spot: &Spot<'_, 'd, 't>) -> Read<Option<Val>> {
        let Spot { path, given, node } = *spot;
        if !self.applies(field) {
            return Ok(None);
        }
        let default = match field.default {
            Default::Toml(text) => DeValue::parse(text).ok().and_then(|value| values::check(field.ty, &value).ok()),
            _ => None,
        };
        let Some(value) = given else {
            if field.default != Default::Required {
                return Ok(default);
            }
            let table = if self.schema.times == Times::Many {
                format!("[[{}]]", self.schema.path)
            } else {
                format!("[{}]", self.schema.path)
            };
            let example = field.ty.example();
            match node {
                None => r.error("C005", path, &[("key", field.key), ("table", &table), ("example", &example)]),
                Some(node) => {
                    let inner = format!("[{}.node.{node}]", self.schema.path);
                    r.error(
                        "C035",
                        path,
                        &[("key", field.key), ("node", node.as_str()), ("table", &inner), ("example", &example)],
                    );
                }
            }
            return Err(Failed);
        };
        match values::check(field.ty, value) {
            Ok(val) => {
                r.note_place(path, value.span());
                if default.as_ref() != Some(&val) {
                    // A value for one node means the same wherever it is written.
                    let key = node.map_or(path.to_owned(), |node| format!("{}.node.{node}.{}", self.at, field.key));
                    r.meaning.insert(key, format!("{val:?}"));
                }
                Ok(Some(val))
            }
            Err(bad) => {
                r.bad(path, field.key, bad);
                Err(Failed)
            }
        }
    }

    /// The values of a key for both nodes.
    fn pair_of_values(&self, r: &mut Reader<'t>, key: &str) -> Read<Option<[Val; 2]>> {
        let field = self.schema.field(key).ok_or(Failed)?;
        let Some(nodes) = r.nodes.clone() else {
            // The nodes themselves are wrong, which has been reported; still look at what is there.
            let _: Read<Option<Val>> = if self.has(key) { self.value(r, key) } else { Ok(None) };
            return Err(Failed);
        };
        let both = nodes.each_ref().map(|node| {
            let own = self.node_item(node, key);
            let path = match own {
                Some(_) => format!("{}.node.{node}.{key}", self.at),
                None => join(&self.at, key),
            };
            let given = own.or_else(|| self.table.and_then(|t| t.get(key)));
            self.one(r, field, &Spot { path: &path, given, node: Some(node) })
        });
        match both {
            [Ok(Some(a)), Ok(Some(b))] => Ok(Some([a, b])),
            [Ok(None), Ok(None)] => Ok(None),
            _ => Err(Failed),
        }
    }

    /// Text, if there is any.
    pub fn opt_text(&self, r: &mut Reader<'t>, key: &str) -> Read<Option<String>> {
        match self.value(r, key)? {
            Some(Val::Text(text)) => Ok(Some(text)),
            None => Ok(None),
            _ => Err(Failed),
        }
    }

    /// Text.
    pub fn text(&self, r: &mut Reader<'t>, key: &str) -> Read<String> {
        self.opt_text(r, key)?.ok_or(Failed)
    }

    /// A number within the schema's range.
    pub fn number<N: TryFrom<i64>>(&self, r: &mut Reader<'t>, key: &str) -> Read<N> {
        match self.value(r, key)? {
            Some(Val::Int(n)) => N::try_from(n).map_err(|_| Failed),
            _ => Err(Failed),
        }
    }

    /// A truth value.
    pub fn truth(&self, r: &mut Reader<'t>, key: &str) -> Read<bool> {
        match self.value(r, key)? {
            Some(Val::Bool(b)) => Ok(b),
            _ => Err(Failed),
        }
    }

    /// A duration; `None` for `"never"` or an absent key.
    pub fn opt_duration(&self, r: &mut Reader<'t>, key: &str) -> Read<Option<Duration>> {
        match self.value(r, key)? {
            Some(Val::Duration(d)) => Ok(d),
            None => Ok(None),
            _ => Err(Failed),
        }
    }

    /// A duration.
    pub fn duration(&self, r: &mut Reader<'t>, key: &str) -> Read<Duration> {
        self.opt_duration(r, key)?.ok_or(Failed)
    }

    /// A list of addresses.
    pub fn addresses(&self, r: &mut Reader<'t>, key: &str) -> Read<Vec<IpAddr>> {
        match self.value(r, key)? {
            Some(Val::Addresses(list)) => Ok(list),
            _ => Err(Failed),
        }
    }

    /// An address with its prefix length.
    pub fn address_prefix(&self, r: &mut Reader<'t>, key: &str) -> Read<(IpAddr, u8)> {
        match self.value(r, key)? {
            Some(Val::AddressPrefix(address, prefix)) => Ok((address, prefix)),
            _ => Err(Failed),
        }
    }

    /// A list of texts, or a command.
    pub fn opt_texts(&self, r: &mut Reader<'t>, key: &str) -> Read<Option<Vec<String>>> {
        match self.value(r, key)? {
            Some(Val::Texts(list)) => Ok(Some(list)),
            None => Ok(None),
            _ => Err(Failed),
        }
    }

    /// A list of texts, or a command.
    pub fn texts(&self, r: &mut Reader<'t>, key: &str) -> Read<Vec<String>> {
        self.opt_texts(r, key)?.ok_or(Failed)
    }

    /// Exit codes.
    pub fn codes(&self, r: &mut Reader<'t>, key: &str) -> Read<Vec<u8>> {
        match self.value(r, key)? {
            Some(Val::Codes(list)) => Ok(list),
            _ => Err(Failed),
        }
    }

    /// A table of texts.
    pub fn strings(&self, r: &mut Reader<'t>, key: &str) -> Read<BTreeMap<String, String>> {
        match self.value(r, key)? {
            Some(Val::Strings(map)) => Ok(map),
            _ => Err(Failed),
        }
    }

    /// A text for each node.
    pub fn node_texts(&self, r: &mut Reader<'t>, key: &str) -> Read<PerNode<String>> {
        match self.pair_of_values(r, key)? {
            Some([Val::Text(a), Val::Text(b)]) => Ok(PerNode([a, b])),
            _ => Err(Failed),
        }
    }

    /// A path for each node.
    pub fn node_files(&self, r: &mut Reader<'t>, key: &str) -> Read<PerNode<PathBuf>> {
        self.node_texts(r, key).map(|PerNode(both)| PerNode(both.map(PathBuf::from)))
    }

    /// An address for each node.
    pub fn node_addresses(&self, r: &mut Reader<'t>, key: &str) -> Read<PerNode<IpAddr>> {
        match self.pair_of_values(r, key)? {
            Some([Val::Addresses(a), Val::Addresses(b)]) => match (a.first(), b.first()) {
                (Some(a), Some(b)) => Ok(PerNode([*a, *b])),
                _ => Err(Failed),
            },
            _ => Err(Failed),
        }
    }
}

/// Reports a key that no table of this name has.
fn unknown_key(r: &mut Reader<'_>, schema: &'static Table, name: &str, path: &str, span: Range<usize>) {
    let table = match (schema.path, schema.kind, schema.times) {
        ("", ..) => r.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        (path, "", Times::Once) => format!("[{path}]"),
        (path, "", Times::Many) => format!("[[{path}]]"),
        (path, kind, _) => format!("[[{path}]] (kind = \"{kind}\")"),
    };
    let known = schema.all_fields().map(|f| f.key).chain(schema.children.iter().copied());
    match suggest::closest(name, known) {
        Some(near) => {
            r.report(Severity::Error, "C003", path, span, &[("key", name), ("table", &table), ("suggestion", near)]);
        }
        None => r.report(Severity::Error, "C004", path, span, &[("key", name), ("table", &table)]),
    }
}
