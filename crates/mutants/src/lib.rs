//! Bugs that the simulator must find: a table of small mutations of the cores, and the copy of the sources that carries them all.
//!
//! A checker that finds nothing proves nothing. Each entry of [`table::all`] is a mistake that a person could make in a core. The
//! test of this package copies the crates that the simulator is made of, writes every mutation into the copy as
//! `if mutant::is(7) { the mistake } else { the code as it is }`, builds the copy once, and lets the simulator play seeds with one
//! mutation switched on at a time until a statement is violated. Production code is neither forked nor does it carry anything for it.
//!
//! *Invariant:* an entry names its place by text that occurs exactly once; when the code moves on, the entry is named and mended.

pub mod copy;
pub mod table;

/// One change of one file.
#[derive(Clone, Copy, Debug)]
pub struct Edit {
    /// Below `crates/`.
    pub file: &'static str,
    /// Text that occurs exactly once; what stands between `«` and `»` is what changes (all of it without such marks).
    pub find: &'static str,
    /// What stands there instead.
    pub replace: &'static str,
}

/// A bug.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// Its number, never used again for another one.
    pub id: u32,
    /// What somebody did wrong, in words.
    pub what: &'static str,
    /// The statements (`simulator::invariants`, by name; `panic`: a core contradicts itself) of which one must notice it.
    pub noticed_by: &'static [&'static str],
    /// The changes that make it.
    pub edits: &'static [Edit],
}

/// The source of `hotpair_types::mutant`, which exists in the copy only.
pub const SELECTOR: &str = "//! Which bug is switched on; 0: none. In this copy only.\n\
use core::sync::atomic::{AtomicU32, Ordering};\n\
static ON: AtomicU32 = AtomicU32::new(0);\n\
/// Switches one on.\n\
pub fn set(id: u32) {\n    ON.store(id, Ordering::Relaxed);\n}\n\
/// Is it on?\n\
#[inline]\n\
pub fn is(id: u32) -> bool {\n    ON.load(Ordering::Relaxed) == id\n}\n";

/// From where to where, and what which mutant puts there.
type Place<'a> = (usize, usize, Vec<(u32, &'a str)>);

/// The text of `file` with the edits of all `mutants` in it, each behind its switch.
///
/// # Errors
/// Every entry whose place is not there exactly once, or overlaps another one's, by number.
pub fn mutate(file: &str, text: &str, mutants: &[Mutant]) -> Result<String, Vec<String>> {
    let mut places: Vec<Place<'_>> = Vec::new();
    let mut errors = Vec::new();
    for (mutant, edit) in
        mutants.iter().flat_map(|m| m.edits.iter().map(move |e| (m, e))).filter(|(_, e)| e.file == file)
    {
        match place(text, edit.find) {
            Err(why) => errors.push(format!("mutant {} ({}): crates/{file}: {why}", mutant.id, mutant.what)),
            Ok((from, to)) => {
                if let Some(same) = places.iter_mut().find(|(f, t, _)| (*f, *t) == (from, to)) {
                    same.2.push((mutant.id, edit.replace));
                } else if places.iter().any(|(f, t, _)| from < *t && *f < to) {
                    errors.push(format!("mutant {}: crates/{file}: overlaps the place of another one", mutant.id));
                } else {
                    places.push((from, to, vec![(mutant.id, edit.replace)]));
                }
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    places.sort_by_key(|(from, _, _)| *from);
    let mut out = String::new();
    let mut at = 0;
    for (from, to, choices) in places {
        let original = &text[from..to];
        // A statement keeps its braces bare; an expression stands in parentheses.
        let statement = original.trim_end().ends_with([';', '}']);
        out.push_str(&text[at..from]);
        out.push_str(if statement { "" } else { "(" });
        for (id, replace) in choices {
            out.push_str(&format!("if hotpair_types::mutant::is({id}) {{ {replace} }} else "));
        }
        out.push_str(&format!("{{ {original} }}"));
        out.push_str(if statement { "" } else { ")" });
        at = to;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

/// Where the marked part of `find` is in `text`.
fn place(text: &str, find: &str) -> Result<(usize, usize), String> {
    let whole = find.replace(['«', '»'], "");
    let found: Vec<usize> = text.match_indices(&whole).map(|(at, _)| at).collect();
    let [start] = found.as_slice() else {
        return Err(format!("the text `{whole}` occurs {} times; it must occur once", found.len()));
    };
    let from = find.find('«').unwrap_or(0);
    let to = find.find('»').map_or(whole.len(), |at| at - '«'.len_utf8());
    Ok((start + from, start + to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn mutant(id: u32, edits: &'static [Edit]) -> Mutant {
        Mutant { id, what: "test", noticed_by: &[], edits }
    }

    #[test]
    fn the_marked_part_changes_and_several_share_a_place() {
        let text = "fn f() -> u32 { 1 + 2 }";
        let edit = |replace| Edit { file: "a", find: "{ «1» + 2", replace };
        let (first, second) = ([edit("7")], [edit("8")]);
        let first: &'static [Edit] = Box::leak(Box::new(first));
        let second: &'static [Edit] = Box::leak(Box::new(second));
        let all = [mutant(1, first), mutant(2, second)];
        let out = mutate("a", text, &all).unwrap();
        assert_eq!(
            out,
            "fn f() -> u32 { (if hotpair_types::mutant::is(1) { 7 } else if hotpair_types::mutant::is(2) { 8 } else { 1 }) + 2 }"
        );
        assert_eq!(mutate("b", text, &all).unwrap(), text, "another file stays as it is");
    }

    #[test]
    fn a_place_that_is_gone_twice_there_or_taken_is_named() {
        let all = [
            mutant(3, &[Edit { file: "a", find: "gone", replace: "" }]),
            mutant(4, &[Edit { file: "a", find: "x", replace: "" }]),
            mutant(5, &[Edit { file: "a", find: "y z", replace: "" }]),
            mutant(6, &[Edit { file: "a", find: "z", replace: "" }]),
        ];
        let errors = mutate("a", "x x y z", &all).unwrap_err();
        assert_eq!(errors.len(), 3);
        assert!(errors[0].contains("mutant 3") && errors[0].contains("0 times"));
        assert!(errors[1].contains("mutant 4") && errors[1].contains("2 times"));
        assert!(errors[2].contains("mutant 6") && errors[2].contains("overlaps"));
    }
}
