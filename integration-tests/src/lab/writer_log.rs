//! The judge of writes: reads the log that the counter application keeps on the shared volume and says whether ever two
//! nodes wrote at once, or a write got lost.
//!
//! Threading: plain values.
use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

/// One line `epoch node counter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of the application's start; every start takes a higher one than it finds.
    pub epoch: u64,
    /// Node that wrote.
    pub node: String,
    /// Counter; one more than in the line before.
    pub counter: u64,
}

/// Reads a log. An unfinished last line (a power loss in the middle of a write) is left out.
///
/// # Errors
/// When a finished line is not of the form `epoch node counter`; the error holds its number.
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    whole
        .lines()
        .enumerate()
        .map(|(index, line)| {
            let mut fields = line.split(' ');
            let (Some(epoch), Some(node), Some(counter), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                bail!("line {}: not `epoch node counter`: {line:?}", index + 1);
            };
            let number = |text: &str| text.parse::<u64>().with_context(|| format!("line {}: {line:?}", index + 1));
            Ok(Entry { epoch: number(epoch)?, node: node.to_owned(), counter: number(counter)? })
        })
        .collect()
}

/// Demands that epochs never go back, that an epoch has one writer, and that counters rise by one without a gap.
///
/// # Errors
/// At the first line that breaks a rule; the error names line and rule.
pub fn verify(entries: &[Entry]) -> Result<()> {
    let mut writers: BTreeMap<u64, &str> = BTreeMap::new();
    let mut before: Option<&Entry> = None;
    for (index, entry) in entries.iter().enumerate() {
        let line = index + 1;
        let writer = *writers.entry(entry.epoch).or_insert(&entry.node);
        ensure!(
            writer == entry.node,
            "line {line}: {} writes in epoch {}, which is {writer}'s",
            entry.node,
            entry.epoch
        );
        if let Some(before) = before {
            ensure!(
                entry.epoch >= before.epoch,
                "line {line}: {} of epoch {} writes after {} of epoch {}: two writers interleaved",
                entry.node,
                entry.epoch,
                before.node,
                before.epoch
            );
            ensure!(
                entry.counter == before.counter + 1,
                "line {line}: counter {} follows {}: a write was lost or doubled",
                entry.counter,
                before.counter
            );
        }
        before = Some(entry);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAULTS 3.4 (b): the judge accepts orderly handovers and a torn last line.
    #[test]
    fn orderly_log_passes() {
        let entries = parse("1 alpha 1\n1 alpha 2\n2 beta 3\n3 alpha 4\n3 alp").unwrap();
        assert_eq!(entries.len(), 4);
        verify(&entries).unwrap();
        verify(&parse("").unwrap()).unwrap();
    }

    /// FAULTS 3.4 (b): every kind of disorder is found.
    #[test]
    fn disorder_is_found() {
        for (text, reason) in [
            ("1 alpha 1\n2 beta 2\n1 alpha 3\n", "interleaved"),
            ("1 alpha 1\n1 beta 2\n", "alpha's"),
            ("1 alpha 1\n2 beta 1\n", "lost or doubled"),
            ("1 alpha 1\n1 alpha 3\n", "lost or doubled"),
        ] {
            let error = verify(&parse(text).unwrap()).unwrap_err().to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
        assert!(parse("1 alpha\n").is_err());
    }
}
