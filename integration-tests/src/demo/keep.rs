//! `--keep`: leaves the pair up, prints how to ask it, and takes a few words on standard input to make things happen.
//!
//! Threading: one thread; waits for a word or for Ctrl-C.
use std::io::BufRead as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::interrupt;
use super::say::{Narrator, Part};
use super::stage::Stage;

const WORDS: &str =
    "off NODE · on NODE · cut NET (lan, hb) or cut ser0 · heal · kill (the application) · status · help · quit";

/// Brings the pair up and waits until the user has had enough.
///
/// # Errors
/// When it cannot be brought up.
pub fn keep() -> Result<()> {
    let say = Narrator::new();
    let stage = Stage::bring_up(&say)?;
    stage.directions(&say)?;
    say.line("")?;
    say.tell(&format!("Here you can make things happen: {WORDS}"))?;
    say.tell("Ctrl-C, or quit, takes everything down.")?;
    let result = listen(&stage, &say);
    say.line("")?;
    say.tell("taking the machines down")?;
    let left = stage.end()?;
    left.iter().try_for_each(|text| say.failed(text))?;
    if left.is_empty() {
        say.done("nothing is left behind")?;
    }
    result
}

fn listen(stage: &Stage, say: &Narrator) -> Result<()> {
    let (sender, words) = std::sync::mpsc::channel();
    // A read from a terminal cannot be given up, so it has a thread of its own, which ends with the process.
    std::thread::Builder::new().name("words".into()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    })?;
    let mut open = true;
    while !interrupt::asked() {
        if !open {
            // Standard input has ended (a background job): only a signal ends this.
            crate::lab::clock::pause(Duration::from_millis(100));
            continue;
        }
        match words.recv_timeout(Duration::from_millis(100)) {
            Ok(line) if matches!(line.trim(), "quit" | "exit" | "q") => return Ok(()),
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => match act(stage, say, &line) {
                Ok(()) => say.done(line.trim())?,
                Err(error) => say.failed(&format!("{error:#}"))?,
            },
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => open = false,
        }
    }
    Ok(())
}

fn act(stage: &Stage, say: &Narrator, line: &str) -> Result<()> {
    let mut words = line.split_whitespace();
    match (words.next().unwrap_or_default(), words.next()) {
        ("off", Some(node)) => stage.lab().node(node)?.power_off(),
        ("on", Some(name)) => {
            stage.pair().power_on(name)?;
            // A new boot has a new init process.
            let init = stage.lab().node(name)?.ns()?.init_pid();
            say.tell(&format!("{name}: nsenter -t {init} -a --wd=/ sh"))
        }
        ("help", None) => say.tell(&format!("the words are: {WORDS}")),
        ("cut", Some(name)) => match stage.lab().cable(name) {
            Ok(cable) => {
                cable.cut();
                Ok(())
            }
            Err(_) => stage.lab().beta().cut(name),
        },
        ("heal", None) => stage.lab().heal_all(),
        ("kill", None) => stage.kill_app(stage.roles()?.0),
        ("status", None) => {
            let node = stage.lab().nodes().iter().find(|node| node.is_on()).context("both nodes are without power")?;
            say.quote("hotpair status", &stage.pair().hotpair(node.name(), &["status"])?, Part::First(60))
        }
        _ => bail!("the words are: {WORDS}"),
    }
}
