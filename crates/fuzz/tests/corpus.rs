//! Every committed corpus, and simple mutations of each input, through its target in every test run. libFuzzer goes further
//! (`make fuzz`); what it finds is added here as a file.

use hotpair_fuzz::TARGETS;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

fn inputs(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(corpus(name))
        .unwrap_or_else(|e| panic!("{name} has no corpus: {e}"))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "the corpus of {name} is empty");
    found
}

/// FAULTS T6, S10: whatever was once put into a corpus does no harm.
#[test]
fn every_input_of_every_corpus() {
    for (name, target) in TARGETS {
        for (path, bytes) in inputs(name) {
            println!("{name}: {}", path.display());
            target(&bytes);
        }
    }
}

/// A cut, a doubling, a flipped bit, a foreign piece: what a line, a disk or a hand does to good bytes.
#[derive(Clone, Debug)]
enum Harm {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Splice(prop::sample::Index, prop::sample::Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Harm::Cut),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, by)| Harm::Flip(at, by)),
        (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..24))
            .prop_map(|(at, b)| Harm::Insert(at, b)),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(a, b)| Harm::Splice(a, b)),
    ]
}

fn apply(bytes: &mut Vec<u8>, harm: &Harm) {
    if bytes.is_empty() {
        return;
    }
    match harm {
        Harm::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Harm::Flip(at, by) => {
            let at = at.index(bytes.len());
            bytes[at] ^= *by;
        }
        Harm::Insert(at, more) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, more.iter().copied());
        }
        Harm::Splice(from, to) => {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let piece: Vec<u8> = bytes.iter().skip(from).take(64).copied().collect();
            bytes.splice(to..to, piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// FAULTS T6: damaged good input, for every target.
    #[test]
    fn damaged_inputs(which in any::<prop::sample::Index>(), harms in prop::collection::vec(harm(), 1..6)) {
        for (name, target) in TARGETS {
            let corpus = inputs(name);
            let mut bytes = corpus[which.index(corpus.len())].1.clone();
            harms.iter().for_each(|h| apply(&mut bytes, h));
            target(&bytes);
        }
    }
}
