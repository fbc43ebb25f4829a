//! Values of single keys: from TOML to checked values, by the type the schema gives.
//!
//! Pure: every function returns the value or what is wrong with it and where; nothing is replaced by a default.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// Type of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// Any text that is not empty.
    Text,
    /// A name: letters, digits, `-`, `_`, `.`.
    Name,
    /// List of names.
    Names,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number from … to ….
    Int(i64, i64),
    /// One of these numbers.
    OneOf(&'static [i64]),
    /// A duration from … to …, in microseconds.
    Duration(u64, u64),
    /// As `Duration`, or `"never"`.
    DurationOrNever(u64, u64),
    /// `true` or `false`.
    Bool,
    /// IPv4 or IPv6 address of one host.
    Address,
    /// List of addresses.
    Addresses,
    /// Address with prefix length.
    AddressPrefix,
    /// Network interface.
    Interface,
    /// List of interfaces.
    Interfaces,
    /// Absolute path.
    AbsolutePath,
    /// Path, absolute or relative to the configuration's directory.
    FilePath,
    /// `/dev/…`, `UUID=…`, `LABEL=…`.
    BlockDevice,
    /// Program and arguments: list, or text split like a shell does.
    Command,
    /// List of text.
    Texts,
    /// List of exit codes, 0 to 255.
    ExitCodes,
    /// systemd unit.
    Unit,
    /// OCF agent, `provider:type`.
    Agent,
    /// Table of texts with names that can be environment variables.
    Strings,
    /// Table of absolute paths, named as in `Strings`.
    Files,
    /// Absolute path of a program, or its bare name.
    Program,
    /// List of `http://host:port` or `https://host:port`, at least one.
    Endpoints,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Val {
    /// Text of any kind.
    Text(String),
    /// Number.
    Int(i64),
    /// Duration; `None`: never.
    Duration(Option<Duration>),
    /// Truth value.
    Bool(bool),
    /// Addresses (one for a single one).
    Addresses(Vec<IpAddr>),
    /// Address and prefix length.
    AddressPrefix(IpAddr, u8),
    /// Texts.
    Texts(Vec<String>),
    /// Exit codes.
    Codes(Vec<u8>),
    /// Names and values.
    Strings(BTreeMap<String, String>),
}

/// What is wrong with a value.
#[derive(Debug)]
pub struct Bad {
    /// Message id.
    pub id: &'static str,
    /// Parameters beside `key`.
    pub args: Vec<(&'static str, String)>,
    /// Where in the text.
    pub span: Range<usize>,
}

type Checked<T> = Result<T, Bad>;

fn bad<T>(id: &'static str, span: Range<usize>, args: &[(&'static str, &str)]) -> Checked<T> {
    Err(Bad { id, args: args.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(), span })
}

impl Ty {
    /// How such a value looks.
    pub fn example(self) -> String {
        match self {
            Self::Text => "\"text\"".into(),
            Self::Name => "\"name\"".into(),
            Self::Names => "[\"one\", \"two\"]".into(),
            Self::Choice(words) => words.first().map(|w| format!("\"{w}\"")).unwrap_or_default(),
            Self::Int(min, _) => min.to_string(),
            Self::OneOf(numbers) => numbers.last().map(ToString::to_string).unwrap_or_default(),
            Self::Duration(min, _) | Self::DurationOrNever(min, _) => format!("\"{}\"", micros(min.max(100_000))),
            Self::Bool => "true".into(),
            Self::Address => "\"192.0.2.10\"".into(),
            Self::Addresses => "[\"192.0.2.1\"]".into(),
            Self::AddressPrefix => "\"192.0.2.100/24\"".into(),
            Self::Interface => "\"eth0\"".into(),
            Self::Interfaces => "[\"eth0\"]".into(),
            Self::AbsolutePath => "\"/srv/data\"".into(),
            Self::FilePath => "\"hotpair.key\"".into(),
            Self::BlockDevice => "\"/dev/disk/by-id/…\"".into(),
            Self::Command => "[\"/usr/local/bin/program\", \"argument\"]".into(),
            Self::Texts => "[\"one\", \"two\"]".into(),
            Self::ExitCodes => "[0]".into(),
            Self::Unit => "\"postgresql.service\"".into(),
            Self::Agent => "\"heartbeat:pgsql\"".into(),
            Self::Strings => "{ name = \"value\" }".into(),
            Self::Files => "{ passwd = \"/etc/hotpair/fence-password\" }".into(),
            Self::Program => "\"fence_ipmilan\"".into(),
            Self::Endpoints => "[\"https://etcd1.example.net:2379\"]".into(),
        }
    }

    /// What is allowed, in signs that need no language: `5ms … 1m`, `"a" | "b"`; empty where the example says all.
    pub fn allowed(self) -> String {
        match self {
            Self::Choice(words) => words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(" | "),
            Self::Int(min, max) => format!("{min} … {max}"),
            Self::OneOf(numbers) => numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
            Self::Duration(min, max) => format!("{} … {}", micros(min), micros(max)),
            Self::DurationOrNever(min, max) => format!("{} … {} | \"never\"", micros(min), micros(max)),
            _ => String::new(),
        }
    }
}

fn micros(count: u64) -> String {
    show_duration(Duration::from_micros(count))
}

/// A duration in its largest exact unit, as the configuration writes it.
pub fn show_duration(d: Duration) -> String {
    let us = d.as_micros();
    for (unit, size) in [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000)]
    {
        if us >= size && us.is_multiple_of(size) {
            return format!("{}{unit}", us / size);
        }
    }
    if us == 0 { "0s".into() } else { format!("{us}us") }
}

/// `100ms`, `1h30m`: numbers with units us, ms, s, m, h, d, one after the other.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at_checked(letters)?;
        let size: u64 = match unit {
            "us" => 1,
            "ms" => 1000,
            "s" => 1_000_000,
            "m" | "min" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(size)?)?;
        rest = next.trim_start();
    }
    Some(Duration::from_micros(total))
}

/// Checks a value against its type.
pub fn check(ty: Ty, value: &Spanned<DeValue<'_>>) -> Checked<Val> {
    match ty {
        Ty::Int(min, max) => int(ty, value).and_then(|n| in_range(n, min, max, value.span())).map(Val::Int),
        Ty::OneOf(numbers) => {
            let n = int(ty, value)?;
            if numbers.contains(&n) {
                return Ok(Val::Int(n));
            }
            bad("C012", value.span(), &[("value", &n.to_string()), ("choices", &ty.allowed())])
        }
        Ty::Bool => match value.get_ref() {
            DeValue::Boolean(b) => Ok(Val::Bool(*b)),
            _ => wrong_type(ty, value),
        },
        Ty::Names | Ty::Addresses | Ty::Interfaces | Ty::Texts | Ty::ExitCodes | Ty::Endpoints => list(ty, value),
        Ty::Command => command(value),
        Ty::Strings | Ty::Files => strings(ty, value),
        _ => match value.get_ref() {
            DeValue::String(text) => one_text(ty, text, value.span()),
            _ => wrong_type(ty, value),
        },
    }
}

fn wrong_type<T>(ty: Ty, value: &Spanned<DeValue<'_>>) -> Checked<T> {
    let found = match value.get_ref() {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "float",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "datetime",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "table",
    };
    bad("C006", value.span(), &[("example", &ty.example()), ("found", found)])
}

fn int(ty: Ty, value: &Spanned<DeValue<'_>>) -> Checked<i64> {
    let DeValue::Integer(number) = value.get_ref() else { return wrong_type(ty, value) };
    i64::from_str_radix(number.as_str(), number.radix())
        .or_else(|_| bad("C007", value.span(), &[("value", &number.to_string()), ("allowed", &ty.allowed())]))
}

fn in_range(n: i64, min: i64, max: i64, span: Range<usize>) -> Checked<i64> {
    if (min..=max).contains(&n) {
        return Ok(n);
    }
    bad("C007", span, &[("value", &n.to_string()), ("allowed", &Ty::Int(min, max).allowed())])
}

/// Types written as one string.
fn one_text(ty: Ty, text: &str, span: Range<usize>) -> Checked<Val> {
    let show = [("value", text)];
    if text.trim().is_empty() || text.contains('\0') {
        return bad("C016", span, &[]);
    }
    match ty {
        Ty::Name | Ty::Names => match hotpair_types::NodeName::new(text) {
            Ok(_) => Ok(Val::Text(text.into())),
            Err(_) => bad("C011", span, &show),
        },
        Ty::Choice(words) => {
            if words.contains(&text) {
                return Ok(Val::Text(text.into()));
            }
            match crate::suggest::closest(text, words.iter().copied()) {
                Some(near) => bad("C013", span, &[("value", text), ("choices", &ty.allowed()), ("suggestion", near)]),
                None => bad("C012", span, &[("value", &format!("\"{text}\"")), ("choices", &ty.allowed())]),
            }
        }
        Ty::Duration(min, max) => duration(ty, text, min, max, span),
        Ty::DurationOrNever(..) if text == "never" => Ok(Val::Duration(None)),
        Ty::DurationOrNever(min, max) => duration(ty, text, min, max, span),
        Ty::Address | Ty::Addresses => address(text, span).map(|a| Val::Addresses(vec![a])),
        Ty::AddressPrefix => address_prefix(text, span),
        Ty::Interface | Ty::Interfaces => {
            let ok = text.len() <= 15
                && text != "."
                && text != ".."
                && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '/' && c != ':');
            if ok { Ok(Val::Text(text.into())) } else { bad("C017", span, &show) }
        }
        Ty::AbsolutePath => absolute(text, span),
        Ty::BlockDevice => {
            let tag = ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="]
                .iter()
                .any(|tag| text.strip_prefix(tag).is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', ' '])));
            if tag || (text.starts_with("/dev/") && !text.contains("/../")) {
                Ok(Val::Text(text.into()))
            } else {
                bad("C025", span, &show)
            }
        }
        Ty::Program => {
            let bare = text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c));
            if bare { Ok(Val::Text(text.into())) } else { absolute(text, span) }
        }
        Ty::Endpoints => {
            if endpoint(text).is_some() {
                Ok(Val::Text(text.into()))
            } else {
                bad("C036", span, &show)
            }
        }
        Ty::Unit => {
            let suffix = [".service", ".target", ".socket", ".mount", ".timer", ".scope", ".path"];
            let ok = suffix.iter().any(|s| text.len() > s.len() && text.ends_with(s)) && !text.contains(['/', ' ']);
            if ok { Ok(Val::Text(text.into())) } else { bad("C026", span, &show) }
        }
        Ty::Agent => {
            let part = |p: &str| {
                !p.is_empty()
                    && !p.starts_with('.')
                    && p.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            };
            let ok = text.split_once(':').is_some_and(|(provider, name)| part(provider) && part(name));
            if ok { Ok(Val::Text(text.into())) } else { bad("C027", span, &show) }
        }
        _ => Ok(Val::Text(text.into())),
    }
}

fn duration(ty: Ty, text: &str, min: u64, max: u64, span: Range<usize>) -> Checked<Val> {
    let Some(value) = parse_duration(text) else { return bad("C008", span, &[("value", text)]) };
    if (Duration::from_micros(min)..=Duration::from_micros(max)).contains(&value) {
        return Ok(Val::Duration(Some(value)));
    }
    bad("C007", span, &[("value", text), ("allowed", &ty.allowed())])
}

/// An address that can be one host's.
fn address(text: &str, span: Range<usize>) -> Checked<IpAddr> {
    let Ok(address) = text.parse::<IpAddr>() else { return bad("C009", span, &[("value", text)]) };
    let special =
        address.is_unspecified() || address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if special { bad("C024", span, &[("value", text)]) } else { Ok(address) }
}

fn address_prefix(text: &str, span: Range<usize>) -> Checked<Val> {
    let fail = || bad("C010", span.clone(), &[("value", text)]);
    let Some((host, prefix)) = text.split_once('/') else { return fail() };
    let (Ok(ip), Ok(prefix)) = (host.parse::<IpAddr>(), prefix.parse::<u8>()) else { return fail() };
    let Ok(net) = ipnet::IpNet::new(ip, prefix) else { return fail() };
    address(host, span.clone())?;
    // The first and the last address of an IPv4 network belong to nobody (RFC 3021 excepts /31).
    let edge = matches!(net, ipnet::IpNet::V4(n) if n.prefix_len() < 31 && (n.addr() == n.network() || n.addr() == n.broadcast()));
    if edge || prefix == 0 || ip.is_loopback() {
        return bad("C024", span, &[("value", text)]);
    }
    Ok(Val::AddressPrefix(ip, prefix))
}

/// `http://host:port` or `https://host:port`, nothing behind it.
fn endpoint(text: &str) -> Option<()> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let (host, port) = rest.rsplit_once(':')?;
    let number = port.parse::<u16>().ok()?;
    let numeric = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_ok = match numeric {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            host.starts_with(|c: char| c.is_ascii_alphanumeric())
                && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        }
    };
    (host_ok && number > 0 && port.bytes().all(|b| b.is_ascii_digit())).then_some(())
}

fn absolute(text: &str, span: Range<usize>) -> Checked<Val> {
    let dots = text.split('/').any(|part| part == ".." || part == ".");
    if text.starts_with('/') && !dots { Ok(Val::Text(text.into())) } else { bad("C018", span, &[("value", text)]) }
}

fn list(ty: Ty, value: &Spanned<DeValue<'_>>) -> Checked<Val> {
    let DeValue::Array(items) = value.get_ref() else { return wrong_type(ty, value) };
    let (mut texts, mut addresses, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    for item in items.iter() {
        if ty == Ty::ExitCodes {
            let n = int(ty, item).and_then(|n| in_range(n, 0, 255, item.span()))?;
            codes.extend(u8::try_from(n).ok());
            continue;
        }
        let DeValue::String(text) = item.get_ref() else { return wrong_type(ty, value) };
        match one_text(ty, text, item.span())? {
            Val::Text(text) => texts.push(text),
            Val::Addresses(more) => addresses.extend(more),
            _ => return wrong_type(ty, value),
        }
    }
    Ok(match ty {
        Ty::ExitCodes => Val::Codes(codes),
        Ty::Addresses => Val::Addresses(addresses),
        _ => Val::Texts(texts),
    })
}

fn command(value: &Spanned<DeValue<'_>>) -> Checked<Val> {
    let words = match value.get_ref() {
        DeValue::String(text) => match split_words(text) {
            Some(words) => words,
            None => return bad("C019", value.span(), &[("value", text)]),
        },
        DeValue::Array(items) => {
            let mut words = Vec::new();
            for item in items.iter() {
                let DeValue::String(text) = item.get_ref() else { return wrong_type(Ty::Command, value) };
                words.push(text.to_string());
            }
            words
        }
        _ => return wrong_type(Ty::Command, value),
    };
    match words.first() {
        None => bad("C016", value.span(), &[]),
        Some(program) if !program.starts_with('/') => bad("C028", value.span(), &[("value", program)]),
        Some(_) if words.iter().any(|w| w.contains('\0')) => bad("C016", value.span(), &[]),
        Some(_) => Ok(Val::Texts(words)),
    }
}

/// Words as a shell splits them: blanks, single and double quotes, backslash; no expansion of any kind.
/// `None`: a quote without its end.
pub fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let w = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        other => w.push(other),
                    }
                }
            }
            '"' => {
                let w = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => w.push(chars.next()?),
                        other => w.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

fn strings(ty: Ty, value: &Spanned<DeValue<'_>>) -> Checked<Val> {
    let DeValue::Table(table) = value.get_ref() else { return wrong_type(ty, value) };
    let mut out = BTreeMap::new();
    for (name, item) in table {
        let name_text = name.get_ref().as_ref();
        let named = name_text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name_text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !named {
            return bad("C029", name.span(), &[("value", name_text)]);
        }
        let text = match item.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(n) if n.radix() == 10 => n.as_str().to_owned(),
            DeValue::Boolean(b) => b.to_string(),
            _ => return wrong_type(Ty::Text, item),
        };
        if text.contains('\0') {
            return bad("C016", item.span(), &[]);
        }
        if ty == Ty::Files {
            absolute(&text, item.span())?;
        }
        out.insert(name_text.to_owned(), text);
    }
    Ok(Val::Strings(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_do_not_overflow() {
        assert_eq!(parse_duration("100ms"), Some(Duration::from_millis(100)));
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_duration("500us"), Some(Duration::from_micros(500)));
        for text in ["", "5", "ms", "-1s", "1.5s", "1 apple", "99999999999999999999d", "9999999999999d", "1s!"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_shown_in_their_largest_exact_unit() {
        for (ms, text) in [(100, "100ms"), (1500, "1500ms"), (60_000, "1m"), (0, "0s"), (86_400_000, "1d")] {
            assert_eq!(show_duration(Duration::from_millis(ms)), text);
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)));
        }
    }

    #[test]
    fn commands_are_split_without_a_shell() {
        assert_eq!(
            split_words("/bin/x  -a 'b c' \"d \\\" e\" f\\ g $HOME").as_deref(),
            Some(["/bin/x", "-a", "b c", "d \" e", "f g", "$HOME"].map(String::from).as_slice())
        );
        assert_eq!(split_words("a ''"), Some(vec!["a".into(), String::new()]));
        assert_eq!(split_words("a 'b"), None);
        assert_eq!(split_words("a \\"), None);
    }
}
