//! Built only inside the copy that the test of the `mutants` package makes: plays seeds of the simulator with one bug switched on.
//!
//! `sweep ID FIRST LAST WANTED,…` prints `found SEED INVARIANT` and ends at the first seed at which one of the wanted statements
//! is violated (`any`: whichever), or `none SEED SEEN,…` after the last one. ID 0 is the code as it is. One thread.

use simulator::{Options, run};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [id, first, last, wanted] = arguments.as_slice() else { panic!("sweep ID FIRST LAST WANTED,…") };
    let number = |text: &String| text.parse::<u64>().unwrap_or_else(|e| panic!("{text}: {e}"));
    let wanted: Vec<&str> = wanted.split(',').collect();
    let mut seen = BTreeSet::new();
    hotpair_types::mutant::set(number(id).try_into().unwrap_or_else(|e| panic!("{id}: {e}")));
    // A core that contradicts itself ends its process: what it says on the way is the outcome, not noise.
    std::panic::set_hook(Box::new(|_| {}));
    for seed in number(first)..=number(last) {
        let options = Options { most_faults: 14, ..Options::default() };
        let invariant = match catch_unwind(AssertUnwindSafe(|| run(seed, options))) {
            Ok(Ok(_)) => continue,
            Ok(Err(failure)) => {
                if std::env::var_os("TIMELINE").is_some() {
                    println!("{failure}");
                }
                failure.invariant.to_string()
            }
            Err(panic) => {
                if std::env::var_os("TIMELINE").is_some() {
                    println!("{:?}", panic.downcast_ref::<String>());
                }
                "panic".to_string()
            }
        };
        if wanted.contains(&"any") || wanted.contains(&invariant.as_str()) {
            println!("found {seed} {invariant}");
            return;
        }
        seen.insert(invariant);
    }
    println!("none {} {}", arguments[2], seen.into_iter().collect::<Vec<_>>().join(","));
}
