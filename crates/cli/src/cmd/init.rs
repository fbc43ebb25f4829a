//! `hotpair init`: writes a commented configuration and a key, from options or from answers on a terminal. Never
//! overwrites; writes nothing that `hotpair check` would refuse.

use crate::args::InitArgs;
use crate::cmd::{Context, Outcome};
use crate::failure::{Exit, Failure};
use crate::ids;
use crate::text::{Line, Page, Tone};
use crate::words::Words;
use hotpair_config::{InitAnswers, InitGroup, InitUdp};
use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const CONFIG_NAME: &str = "hotpair.toml";
const KEY_NAME: &str = "hotpair.key";

/// The command.
///
/// # Errors
/// When a file is there already, an answer is missing or bad, or a file cannot be written.
pub fn run(context: &Context, args: &InitArgs) -> Outcome {
    let words = context.words;
    let (config, key) = (args.dir.join(CONFIG_NAME), args.dir.join(KEY_NAME));
    for file in [&config, &key] {
        if file.symlink_metadata().is_ok() {
            return Err(Failure::new(Exit::Error, words, ids::FILE_EXISTS, &[("file", &file.display())]));
        }
    }
    let answers = if args.peer.is_none() && io::stdin().is_terminal() && context.out.terminal {
        ask(context, args)?
    } else {
        from_options(args, words)?
    };
    let text = hotpair_config::template(&answers);
    let secret = hotpair_config::generate_key()
        .map_err(|error| Failure::new(Exit::Error, words, ids::CANNOT_MAKE_KEY, &[("reason", &error)]))?;
    let findings = match hotpair_config::load_text_with_key(&text, &config, None, &secret) {
        Ok(loaded) => loaded.warnings,
        Err(findings) => {
            context.out.print(&format!("{}\n", hotpair_config::report(&findings, words.lang(), context.out.colour)))?;
            return Err(Failure::new(Exit::BadConfig, words, ids::BAD_ANSWERS, &[]));
        }
    };
    std::fs::create_dir_all(&args.dir).map_err(|error| cannot_write(words, &args.dir, &error))?;
    write_new(&key, secret.as_bytes(), 0o600).map_err(|error| cannot_write(words, &key, &error))?;
    if let Err(error) = write_new(&config, text.as_bytes(), 0o644) {
        // A key without its configuration would only be in the way of the next try.
        let removed = std::fs::remove_file(&key);
        let failure = cannot_write(words, &config, &error);
        return Err(removed.map_or_else(|error| cannot_write(words, &key, &error), |()| failure));
    }
    if !findings.is_empty() {
        context.out.print(&format!("{}\n\n", hotpair_config::report(&findings, words.lang(), context.out.colour)))?;
    }
    let [_, peer] = &answers.nodes;
    context.out.page(&next_steps(words, &config, &key, &args.dir, peer)).map(|()| Exit::Ok)
}

fn cannot_write(words: Words, file: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Error, words, ids::CANNOT_WRITE, &[("file", &file.display()), ("reason", error)])
}

/// Writes a file that must not be there yet, durably.
fn write_new(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut out = OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
    let written = out.write_all(content).and_then(|()| out.sync_all());
    if written.is_err() {
        // Half a file is worse than none; the first error is the one to tell.
        let _: io::Result<()> = std::fs::remove_file(file);
    }
    written
}

fn next_steps(words: Words, config: &Path, key: &Path, dir: &Path, peer: &str) -> Page {
    let mut page = Page::new();
    let (config, key, dir) = (config.display(), key.display(), dir.display());
    page.line(Line::new().tone(Tone::Good, words.say(ids::WROTE, &[("file", &config)])));
    page.line(Line::new().tone(Tone::Good, words.say(ids::WROTE_KEY, &[("file", &key)])));
    page.heading(words.word(ids::NEXT));
    let copy: &[hotpair_messages::Arg<'_>] = &[("file", &config), ("key", &key), ("peer", &peer), ("dir", &dir)];
    let steps = [
        words.say(ids::NEXT_EDIT, &[("file", &config)]),
        words.say(ids::NEXT_CHECK, &[("file", &config)]),
        words.say(ids::NEXT_COPY, copy),
        words.word(ids::NEXT_ENABLE),
        words.word(ids::NEXT_STATUS),
    ];
    let rows =
        steps.into_iter().zip(1..).map(|(step, number)| vec![Line::from(format!("{number}.")), Line::from(step)]);
    page.table(2, rows.collect());
    page
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    // The configuration's node names are short names.
    let short = name.split('.').next().unwrap_or(name);
    (!short.is_empty()).then(|| short.to_owned())
}

fn bad_form(words: Words, text: &str, form: &str) -> Failure {
    Failure::new(Exit::Usage, words, ids::BAD_FORM, &[("text", &text), ("form", &form)])
}

fn from_options(args: &InitArgs, words: Words) -> Result<InitAnswers, Failure> {
    let missing = |option: &str| Failure::new(Exit::Usage, words, ids::MISSING_OPTION, &[("option", &option)]);
    let node = args.node.clone().or_else(host_name).ok_or_else(|| missing("--node"))?;
    let peer = args.peer.clone().ok_or_else(|| missing("--peer"))?;
    if args.udp.is_empty() && args.serial.is_none() {
        return Err(missing("--udp"));
    }
    let udp = args.udp.iter().enumerate().map(|(at, text)| {
        let (one, other) = text.split_once(',').ok_or_else(|| bad_form(words, text, "IF:ADDR,IF:ADDR"))?;
        Ok(udp_path(at, end(one, words)?, end(other, words)?))
    });
    let udp = udp.collect::<Result<Vec<_>, Failure>>()?;
    let group = match &args.address {
        None => None,
        Some(text) => {
            let form = "ADDR/LEN@IF[,IF]";
            let (vip, interfaces) = text.split_once('@').ok_or_else(|| bad_form(words, text, form))?;
            let interfaces = pair_of(interfaces);
            Some(InitGroup { name: args.group.clone(), vip: vip.to_owned(), interfaces, unit: args.unit.clone() })
        }
    };
    Ok(InitAnswers {
        lang: words.lang(),
        pair: args.pair.clone().unwrap_or_else(|| "pair".to_owned()),
        key_file: KEY_NAME.to_owned(),
        nodes: [node, peer],
        udp,
        serial: args.serial.as_deref().map(pair_of),
        references: args.reference.clone(),
        group,
    })
}

/// `a,b`, or `a` for both.
fn pair_of(text: &str) -> [String; 2] {
    let (one, other) = text.split_once(',').unwrap_or((text, text));
    [one.trim().to_owned(), other.trim().to_owned()]
}

fn end(text: &str, words: Words) -> Result<(String, String), Failure> {
    // Only the first colon separates: an IPv6 address holds more.
    let (interface, address) = text.trim().split_once(':').ok_or_else(|| bad_form(words, text, "IF:ADDR"))?;
    Ok((interface.to_owned(), address.to_owned()))
}

fn udp_path(at: usize, one: (String, String), other: (String, String)) -> InitUdp {
    InitUdp { name: format!("lan{at}"), interfaces: [one.0, other.0], addresses: [one.1, other.1] }
}

/// Asks for what the options do not say.
fn ask(context: &Context, args: &InitArgs) -> Result<InitAnswers, Failure> {
    let words = context.words;
    let question = |id: &str, args: &[hotpair_messages::Arg<'_>], default: Option<String>| {
        let text = words.say(id, args);
        let shown = default.as_ref().map_or_else(String::new, |default| format!(" [{default}]"));
        context.out.print(&format!("{text}{shown}{}", words.colon()))?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        match read {
            Ok(0) => Err(Failure::new(Exit::Usage, words, ids::MISSING_OPTION, &[("option", &text)])),
            Ok(_) if line.trim().is_empty() => Ok(default.unwrap_or_default()),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(Failure::new(Exit::Error, words, ids::CANNOT_START, &[("reason", &error)])),
        }
    };
    let pair = question(ids::ASK_PAIR, &[], args.pair.clone().or_else(|| Some("pair".to_owned())))?;
    let node = question(ids::ASK_NODE, &[], args.node.clone().or_else(host_name))?;
    let peer = question(ids::ASK_PEER, &[], None)?;
    let mut udp = Vec::new();
    loop {
        let number = udp.len().saturating_add(1);
        let one = question(ids::ASK_UDP, &[("number", &number), ("node", &node)], None)?;
        if one.is_empty() {
            break;
        }
        let other = question(ids::ASK_UDP_PEER, &[("number", &number), ("node", &peer)], None)?;
        udp.push(udp_path(udp.len(), end(&one, words)?, end(&other, words)?));
    }
    let device = question(ids::ASK_SERIAL, &[("node", &node)], None)?;
    let serial = if device.is_empty() {
        None
    } else {
        let other = question(ids::ASK_SERIAL_PEER, &[("node", &peer)], Some(device.clone()))?;
        Some([device, other])
    };
    let reference = question(ids::ASK_REFERENCE, &[], None)?;
    let vip = question(ids::ASK_ADDRESS, &[], None)?;
    let group = if vip.is_empty() {
        None
    } else {
        let one = question(ids::ASK_INTERFACE, &[("node", &node)], None)?;
        let other = question(ids::ASK_INTERFACE, &[("node", &peer)], Some(one.clone()))?;
        let unit = question(ids::ASK_UNIT, &[], None)?;
        let unit = (!unit.is_empty()).then_some(unit);
        Some(InitGroup { name: args.group.clone(), vip, interfaces: [one, other], unit })
    };
    Ok(InitAnswers {
        lang: words.lang(),
        pair,
        key_file: KEY_NAME.to_owned(),
        nodes: [node, peer],
        udp,
        serial,
        references: if reference.is_empty() { Vec::new() } else { vec![reference] },
        group,
    })
}
