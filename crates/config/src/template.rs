//! A commented configuration file from a few answers (`hotpair init`): every key of every table it has, each with what
//! it means; keys left at their default are written as comments of the form `#key = default`.
//!
//! Pure: answers and schema in, text out. What comes out loads without an error when the answers are right; `load_text`
//! judges that, not this module.

use crate::schema::{self, Default, Field, Table, Times};
use hotpair_messages::Lang;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What a person has answered.
#[derive(Clone, Debug)]
pub struct InitAnswers {
    /// Language of the comments.
    pub lang: Lang,
    /// Name of the pair.
    pub pair: String,
    /// Key file, as it shall be written.
    pub key_file: String,
    /// Names of the two nodes, in order.
    pub nodes: [String; 2],
    /// UDP paths.
    pub udp: Vec<InitUdp>,
    /// Serial devices of the two nodes, if a line connects them.
    pub serial: Option<[String; 2]>,
    /// Addresses that should always answer.
    pub references: Vec<String>,
    /// A first group.
    pub group: Option<InitGroup>,
}

/// A UDP path.
#[derive(Clone, Debug)]
pub struct InitUdp {
    /// Its name.
    pub name: String,
    /// Interface of each node.
    pub interfaces: [String; 2],
    /// Address of each node.
    pub addresses: [String; 2],
}

/// A first group: a virtual address, and what runs behind it.
#[derive(Clone, Debug)]
pub struct InitGroup {
    /// Its name.
    pub name: String,
    /// Virtual address with prefix length.
    pub vip: String,
    /// Interface of each node that carries it.
    pub interfaces: [String; 2],
    /// A systemd unit that runs with it.
    pub unit: Option<String>,
}

/// The text of the file.
pub fn template(answers: &InitAnswers) -> String {
    let mut w = Writer { out: String::new(), lang: answers.lang, said: BTreeSet::new() };
    w.comment(&hotpair_messages::render("C301", answers.lang, &[]));
    w.table(&schema::PAIR, &[("name", text(&answers.pair)), ("key_file", text(&answers.key_file))]);
    for node in &answers.nodes {
        w.table(&schema::NODE, &[("name", text(node))]);
    }
    for path in &answers.udp {
        w.table(&schema::UDP, &[("name", text(&path.name))]);
        for ((node, interface), address) in answers.nodes.iter().zip(&path.interfaces).zip(&path.addresses) {
            w.node(&schema::UDP, node, &[("interface", interface), ("address", address)]);
        }
    }
    if let Some(devices) = &answers.serial {
        w.table(&schema::SERIAL, &[("name", text("serial"))]);
        for (node, device) in answers.nodes.iter().zip(devices) {
            w.node(&schema::SERIAL, node, &[("device", device)]);
        }
    }
    let references = format!("[{}]", answers.references.iter().map(|a| text(a)).collect::<Vec<_>>().join(", "));
    let given = [("references", references)];
    w.table(&schema::SAFETY_CHECK, if answers.references.is_empty() { &[] } else { &given });
    w.table(&schema::BOOT, &[]);
    w.table(&schema::HISTORY, &[]);
    if let Some(group) = &answers.group {
        w.group(group, &answers.nodes);
    }
    w.out
}

/// A text as TOML writes it.
fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

struct Writer {
    out: String,
    lang: Lang,
    /// Explanations that are there already: each is given once.
    said: BTreeSet<&'static str>,
}

impl Writer {
    fn group(&mut self, group: &InitGroup, nodes: &[String; 2]) {
        self.table(&schema::GROUP, &[("name", text(&group.name))]);
        let vip = [("name", text("vip")), ("kind", text("ip")), ("address", text(&group.vip))];
        self.table(&schema::IP, &vip);
        for (node, interface) in nodes.iter().zip(&group.interfaces) {
            self.node(&schema::IP, node, &[("interface", interface)]);
        }
        if let Some(unit) = &group.unit {
            let app = [("name", text("app")), ("kind", text("app")), ("run", text("systemd")), ("unit", text(unit))];
            self.table(&schema::APP, &app);
        }
    }

    /// One table: its head, and every key that has a meaning with the given values.
    fn table(&mut self, table: &'static Table, given: &[(&str, String)]) {
        self.out.push('\n');
        let first = self.explain(table.en, table.zh);
        let (open, close) = if table.times == Times::Many { ("[[", "]]") } else { ("[", "]") };
        self.line(&format!("{open}{}{close}", table.path));
        for field in table.all_fields() {
            let answer = given.iter().find(|(key, _)| *key == field.key).map(|(_, value)| value);
            if answer.is_some() || (first && is_meaningful(field, given)) {
                self.field(field, answer);
            }
        }
    }

    /// Explains something unless that has been done; true: this was the first time.
    fn explain(&mut self, en: &'static str, zh: &'static str) -> bool {
        let first = self.said.insert(en);
        if first {
            self.comment(if self.lang == Lang::Zh { zh } else { en });
        }
        first
    }

    fn field(&mut self, field: &'static Field, answer: Option<&String>) {
        if field.per_node && answer.is_none() {
            // Given per node, in the tables that follow.
            return;
        }
        self.explain(field.en, field.zh);
        match (answer, field.default) {
            (Some(value), _) => self.line(&format!("{} = {value}", field.key)),
            (None, Default::Toml(value)) => self.line(&format!("#{} = {value}", field.key)),
            (None, _) => self.line(&format!("# {} = {}", field.key, field.ty.example())),
        }
    }

    fn node(&mut self, table: &'static Table, node: &str, values: &[(&str, &String)]) {
        // Names with dots are quoted, or they would be two keys.
        let bare = node.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let node = if bare { node.to_owned() } else { text(node) };
        self.line(&format!("[{}.node.{node}]", table.path));
        for (key, value) in values {
            if let Some(field) = table.field(key) {
                self.explain(field.en, field.zh);
            }
            self.line(&format!("{key} = {}", text(value)));
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// A comment, wrapped at about 100 cells.
    fn comment(&mut self, text: &str) {
        let width = if self.lang == Lang::Zh { 48 } else { 98 };
        for line in wrap(text, width, self.lang == Lang::Zh) {
            // Writing to a String cannot fail.
            let _: std::fmt::Result = writeln!(self.out, "# {line}");
        }
    }
}

/// Whether the key has a meaning with these values, so that the reader sees only what applies.
fn is_meaningful(field: &Field, given: &[(&str, String)]) -> bool {
    field.when.is_none_or(|(key, value)| given.iter().any(|(k, v)| *k == key && *v == text(value)))
}

/// Lines of at most so many characters; Chinese breaks anywhere, other text at blanks.
fn wrap(text: &str, width: usize, anywhere: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let size = word.chars().count();
        if length > 0 && length + 1 + size > width && !anywhere {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for piece in pieces(word) {
            let size = piece.chars().count();
            let closing = piece.starts_with(|c| "，。；：、）”？".contains(c));
            if anywhere && length > 0 && length + size > width && !closing {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            line.push_str(piece);
            length += size;
        }
    }
    lines.push(line);
    lines
}

/// Chinese characters one by one, everything between them in one piece.
fn pieces(word: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let end =
            if first.is_ascii() { rest.find(|c: char| !c.is_ascii()).unwrap_or(rest.len()) } else { first.len_utf8() };
        let Some((piece, tail)) = rest.split_at_checked(end) else { break };
        pieces.push(piece);
        rest = tail;
    }
    pieces
}
