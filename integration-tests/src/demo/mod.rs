//! The demonstration: a pair and a client on one machine, and the story of what can happen to them.
//!
//! [`stage`] brings the machines up and keeps the witnesses (a client over HTTP, and one who asks the network who has the
//! address), [`acts`] are the events, [`say`] tells them, [`keep`] leaves the pair up to play with.
//!
//! Threading: the story is told by one thread; the witnesses have threads of their own.
pub mod acts;
pub mod interrupt;
pub mod keep;
pub mod say;
pub mod stage;

use std::time::Duration;

use anyhow::Result;

use acts::{ACTS, Act};
use say::{Narrator, Tone};
use stage::{Seen, Stage};

/// How long the client is watched after each act.
const QUIET: Duration = Duration::from_millis(1500);

/// What became of an act.
#[derive(Clone, Debug)]
struct Record {
    act: &'static Act,
    /// `None`: not played, because an earlier act failed.
    seen: Option<Seen>,
    /// What happened, or what went wrong.
    text: String,
    good: bool,
}

/// Plays the whole story; returns whether every act did what it should.
///
/// # Errors
/// When the machines cannot be brought up, and on Ctrl-C.
pub fn play() -> Result<bool> {
    let start = crate::lab::clock::now();
    let say = Narrator::new();
    say.line(&say.tone(Tone::Bold, "hotpair: two nodes, a client, and the things that happen to them"))?;
    say.line("")?;
    let mut stage = Stage::bring_up(&say)?;
    let mut records = Vec::new();
    let mut broken = false;
    for (index, act) in ACTS.iter().enumerate() {
        records.push(if broken {
            Record { act, seen: None, text: "not played".into(), good: false }
        } else {
            perform(&mut stage, &say, index + 1, act)?
        });
        broken = records.last().is_some_and(|record| !record.good);
    }
    let leftovers = stage.end()?;
    table(&say, &records)?;
    let good = !broken && leftovers.is_empty();
    leftovers.iter().try_for_each(|text| say.failed(text))?;
    let took = crate::lab::clock::now().saturating_sub(start).as_secs();
    say.line("")?;
    if good {
        say.done(&format!("Every act went as it should. Nothing is left behind. {took} s."))?;
    } else {
        say.failed(&format!("The story did not go as it should. {took} s."))?;
    }
    Ok(good)
}

fn perform(stage: &mut Stage, say: &Narrator, number: usize, act: &'static Act) -> Result<Record> {
    say.heading(&format!("{number}. {}", act.title))?;
    say.tell(act.intro)?;
    let from = crate::lab::clock::now();
    let result = (act.play)(stage, say);
    interrupt::check()?;
    if result.is_ok() {
        // The act ends with a quiet time, which belongs to what the client saw of it.
        say.watch("the client goes on asking", QUIET, || Ok(true))?;
    }
    let seen = stage.seen_since(from);
    say.client(&seen.describe())?;
    let verdict = result.and_then(|text| seen.judge(act.longest_gap).map(|()| text));
    Ok(match verdict {
        Ok(text) => Record { act, seen: Some(seen), text, good: true },
        Err(error) => {
            let text = format!("{error:#}").lines().next().unwrap_or_default().to_owned();
            say.failed(&text)?;
            // What a developer needs goes to standard error, whole.
            eprintln!("{error:?}\n{}", stage.pair().dump());
            Record { act, seen: Some(seen), text, good: false }
        }
    })
}

fn table(say: &Narrator, records: &[Record]) -> Result<()> {
    say.heading("What happened")?;
    let header = format!(
        "     {:<34} {:>13} {:>8} {:>8}  {:<22} {}",
        "act", "answered", "gap ms", "2 owners", "expected", "result"
    );
    say.line(&say.tone(Tone::Dim, &header))?;
    for (index, record) in records.iter().enumerate() {
        let (answered, gap, dual) = record.seen.as_ref().map_or(("-".into(), "-".into(), "-".into()), |seen| {
            (
                format!("{}/{}", seen.answered, seen.requests),
                format!("{:.0}", ms(seen.longest_gap)),
                format!("{:.0} ms", seen.dual_ms),
            )
        });
        let result = match (record.good, &record.seen) {
            (true, _) => say.tone(Tone::Good, "ok"),
            (false, Some(_)) => say.tone(Tone::Bad, "FAILED"),
            (false, None) => say.tone(Tone::Bad, "not played"),
        };
        say.line(&format!(
            "  {}. {:<34} {answered:>13} {gap:>8} {dual:>8}  {:<22} {result}",
            index + 1,
            record.act.short,
            record.act.expected,
        ))?;
        say.line(&format!("     {}", say.tone(Tone::Dim, &say::cut(&format!("→ {}", record.text), 94))))?;
    }
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    crate::lab::clock::millis(duration)
}
