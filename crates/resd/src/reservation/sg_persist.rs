//! The program `sg_persist` of sg3-utils. Its words are read strictly: what is not exactly as known is an error, never an
//! empty list.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Asked, Failure, Holder, Key, Reservations};
use crate::act::exec::{self, End, Program};

/// Limit of one command: a disk that takes longer does not answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Exit codes, sg3_utils(8).
const ILLEGAL_REQUEST: u8 = 5;
const UNIT_ATTENTION: u8 = 6;
const INVALID_OPCODE: u8 = 9;
const RESERVATION_CONFLICT: u8 = 24;
/// A disk says once to each path that something changed, and then answers.
const TRIES: u32 = 4;

/// Runs `sg_persist`.
#[derive(Clone, Debug)]
pub struct SgPersist {
    mark: String,
}

impl SgPersist {
    /// `mark`: whose its processes are.
    pub fn new(mark: String) -> Self {
        Self { mark }
    }

    async fn run(&self, path: &Path, arguments: &[String]) -> Result<String, Failure> {
        let mut argv = vec!["sg_persist".to_string(), "--no-inquiry".to_string()];
        argv.extend_from_slice(arguments);
        argv.push(path.display().to_string());
        let program = Program { argv, environment: BTreeMap::new(), mark: self.mark.clone(), patient: false };
        let mut left = TRIES;
        loop {
            let done = exec::run(&program, LIMIT, &CancellationToken::new()).await;
            let shown = path.display();
            left = left.saturating_sub(1);
            return match done.end {
                End::Code(0) => Ok(done.output),
                End::Code(UNIT_ATTENTION) if left > 0 => continue,
                End::Code(RESERVATION_CONFLICT) => Err(Failure::Conflict),
                End::Code(ILLEGAL_REQUEST | INVALID_OPCODE) => Err(Failure::Unsupported(format!(
                    "{shown} does not know persistent reservations as they are needed: {}",
                    done.tail()
                ))),
                End::Code(code) => {
                    Err(Failure::Unknown(format!("sg_persist on {shown} ended with code {code}: {}", done.tail())))
                }
                End::Killed => Err(Failure::Unknown(format!("{shown} did not answer within {} s", LIMIT.as_secs()))),
                End::Signal(signal) => Err(Failure::Unknown(format!("sg_persist was ended by signal {signal}"))),
                End::Missing(error) => {
                    Err(Failure::Unsupported(format!("sg_persist is missing ({error}); install sg3-utils")))
                }
                End::NotStarted(error) => Err(Failure::Unknown(format!("sg_persist could not be run: {error}"))),
            };
        }
    }

    async fn out(&self, path: &Path, service: &str, key: Key, other: Option<Key>) -> Result<(), Failure> {
        let mut arguments = vec!["--out".to_string(), service.to_string(), format!("--param-rk={key:x}")];
        arguments.extend(other.map(|other| format!("--param-sark={other:x}")));
        if matches!(service, "--reserve" | "--release" | "--preempt") {
            arguments.push("--prout-type=5".to_string());
        }
        self.run(path, &arguments).await.map(drop)
    }

    /// Registers; over power loss if the disk says that it can.
    async fn put_key(&self, path: &Path, key: Key) -> Result<(), Failure> {
        let can = self.run(path, &["--in".into(), "--report-capabilities".into()]).await;
        let keeps =
            can.is_ok_and(|text| text.lines().any(|l| l.trim() == "Persist Through Power Loss Capable(PTPL_C): 1"));
        let mut arguments = vec!["--out".into(), "--register-ignore".into(), format!("--param-sark={key:x}")];
        arguments.extend(keeps.then(|| "--param-aptpl".to_string()));
        self.run(path, &arguments).await.map(drop)
    }
}

impl Reservations for SgPersist {
    fn keys<'a>(&'a self, path: &'a Path) -> Asked<'a, Vec<Key>> {
        Box::pin(async move {
            let text = self.run(path, &["--in".into(), "--read-keys".into()]).await?;
            keys(&text).ok_or_else(|| not_understood(path, &text))
        })
    }

    fn holder<'a>(&'a self, path: &'a Path) -> Asked<'a, Option<Holder>> {
        Box::pin(async move {
            let text = self.run(path, &["--in".into(), "--read-reservation".into()]).await?;
            holder(&text).ok_or_else(|| not_understood(path, &text))
        })
    }

    fn register<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()> {
        Box::pin(self.put_key(path, key))
    }

    fn unregister<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()> {
        Box::pin(self.out(path, "--register", key, Some(0)))
    }

    fn reserve<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()> {
        Box::pin(self.out(path, "--reserve", key, None))
    }

    fn release<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()> {
        Box::pin(self.out(path, "--release", key, None))
    }

    fn preempt<'a>(&'a self, path: &'a Path, key: Key, other: Key) -> Asked<'a, ()> {
        Box::pin(self.out(path, "--preempt", key, Some(other)))
    }
}

fn not_understood(path: &Path, text: &str) -> Failure {
    let first: String = text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Failure::Unknown(format!("what sg_persist says of {} is not understood: {first}", path.display()))
}

/// `PR generation=0x4, 2 registered reservation keys follow:` and so many lines with a key. `None`: anything else.
pub fn keys(text: &str) -> Option<Vec<Key>> {
    let mut lines =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).skip_while(|l| !l.starts_with("PR generation="));
    let said = after_generation(lines.next()?)?;
    if said == "there are NO registered reservation keys" {
        return lines.next().is_none().then(Vec::new);
    }
    let count: usize = said
        .strip_suffix(" registered reservation keys follow:")
        .or_else(|| said.strip_suffix(" registered reservation key follows:"))?
        .parse()
        .ok()?;
    let keys: Vec<Key> = lines.map(hex).collect::<Option<_>>()?;
    (keys.len() == count && count > 0).then_some(keys)
}

/// `PR generation=0x4, Reservation follows:`, `Key=0x…`, `scope: LU_SCOPE,  type: …`; or that there is none.
pub fn holder(text: &str) -> Option<Option<Holder>> {
    let mut lines =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).skip_while(|l| !l.starts_with("PR generation="));
    match after_generation(lines.next()?)? {
        "there is NO reservation held" => lines.next().is_none().then_some(None),
        "Reservation follows:" => {
            let key = hex(lines.next()?.strip_prefix("Key=")?)?;
            let kind = lines.next()?.strip_prefix("scope: LU_SCOPE,")?.trim().strip_prefix("type: ")?;
            lines
                .next()
                .is_none()
                .then_some(Some(Holder { key, registrants_only: kind == "Write Exclusive, registrants only" }))
        }
        _ => None,
    }
}

fn after_generation(line: &str) -> Option<&str> {
    let (number, said) = line.strip_prefix("PR generation=0x")?.split_once(',')?;
    u64::from_str_radix(number, 16).ok()?;
    Some(said.trim())
}

fn hex(text: &str) -> Option<Key> {
    let digits = text.strip_prefix("0x")?;
    let good = (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    good.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As sg_persist 1.46 prints it, with the lines of an inquiry before it or without.
    #[test]
    fn its_words_are_understood() {
        assert_eq!(keys("  PR generation=0x0, there are NO registered reservation keys\n"), Some(vec![]));
        assert_eq!(keys("  PR generation=0x1, 1 registered reservation key follows:\n    0x1f\n"), Some(vec![31]));
        let two = "  LIO-ORG   disk  4.0\n  Peripheral device type: disk\n  PR generation=0xa, 2 registered reservation keys follow:\n    0x1\n    0xffffffffffffffff\n\n";
        assert_eq!(keys(two), Some(vec![1, u64::MAX]));
        assert_eq!(holder("  PR generation=0x0, there is NO reservation held\n"), Some(None));
        let held = "  PR generation=0x4, Reservation follows:\n    Key=0x1f\n    scope: LU_SCOPE,  type: Write Exclusive, registrants only\n";
        assert_eq!(holder(held), Some(Some(Holder { key: 31, registrants_only: true })));
        let other = held.replace(", registrants only", "");
        assert_eq!(holder(&other), Some(Some(Holder { key: 31, registrants_only: false })));
    }

    /// S9: whatever is odd, cut short or too long is not understood; never "no key".
    #[test]
    fn anything_else_is_not_understood() {
        let good = "PR generation=0xa, 2 registered reservation keys follow:\n0x1\n0x2\n";
        for cut in 0..good.len() - 1 {
            assert_eq!(keys(&good[..cut]), None, "{:?}", &good[..cut]);
        }
        for odd in [
            "",
            "PR generation=0xa, 2 registered reservation keys follow:\n0x1\n0x2\n0x3\n",
            "PR generation=0xa, 0 registered reservation keys follow:\n",
            "PR generation=0xa, 1 registered reservation key follows:\nnothing\n",
            "PR generation=0xa, 1 registered reservation key follows:\n0x+1\n",
            "PR generation=0xa, 1 registered reservation key follows:\n0x12345678901234567\n",
            "PR generation=zz, there are NO registered reservation keys\n",
            "PR generation=0x1, there are NO registered reservation keys\n0x1\n",
        ] {
            assert_eq!(keys(odd), None, "{odd:?}");
        }
        let held = "PR generation=0x4, Reservation follows:\nKey=0x1f\nscope: LU_SCOPE,  type: Write Exclusive, registrants only\n";
        for cut in 0..held.len() - 1 {
            let found = holder(&held[..cut]);
            assert!(found.is_none() || matches!(found, Some(Some(h)) if !h.registrants_only), "{:?}", &held[..cut]);
        }
    }
}
