//! Lengths of time as people write and read them: `90s`, `2h`, `1d12h`.

use crate::ids;
use crate::words::Words;
use core::time::Duration;

/// The longest freeze or maintenance: the API's limit.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Units, largest first: name and milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads one or more numbers with units, larger units first, each at most once, blanks allowed between them. More than
/// zero and at most [`LONGEST`].
///
/// # Errors
/// A sentence that says what is wrong, in the language of `words`.
pub fn parse(text: &str, words: Words) -> Result<Duration, String> {
    let bad = |reason: String| words.say(ids::BAD_DURATION, &[("text", &text), ("reason", &reason)]);
    let mut rest = text.trim();
    let mut total = 0u64;
    let mut smallest_so_far = u64::MAX;
    if rest.is_empty() {
        return Err(bad(words.say(ids::DURATION_FORM, &[])));
    }
    let too_long = || bad(words.say(ids::DURATION_LIMIT, &[("limit", &words.duration(LONGEST))]));
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let (unit, after) = tail.split_at(letters);
        if number.is_empty() || unit.is_empty() {
            return Err(bad(words.say(ids::DURATION_FORM, &[])));
        }
        let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(bad(words.say(ids::DURATION_UNIT, &[("unit", &unit)])));
        };
        if *millis >= smallest_so_far {
            return Err(bad(words.say(ids::DURATION_ORDER, &[])));
        }
        smallest_so_far = *millis;
        // Only digits: the one way to fail is a number too large.
        let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*millis)).ok_or_else(too_long)?;
        total = total.checked_add(part).ok_or_else(too_long)?;
        rest = after.trim_start();
    }
    let length = Duration::from_millis(total);
    if length.is_zero() {
        return Err(bad(words.say(ids::DURATION_ZERO, &[])));
    }
    if length > LONGEST {
        return Err(too_long());
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpair_messages::Lang;

    fn ok(text: &str) -> u64 {
        u64::try_from(parse(text, Words::new(Lang::En)).unwrap().as_millis()).unwrap()
    }

    fn err(text: &str) -> String {
        parse(text, Words::new(Lang::En)).unwrap_err()
    }

    #[test]
    fn numbers_with_units_add_up() {
        assert_eq!(ok("90s"), 90_000);
        assert_eq!(ok("2h"), 7_200_000);
        assert_eq!(ok("1d12h"), 129_600_000);
        assert_eq!(ok("1h 30m"), 5_400_000);
        assert_eq!(ok(" 5 m "), 300_000);
        assert_eq!(ok("250ms"), 250);
        assert_eq!(ok("1m1ms"), 60_001);
    }

    #[test]
    fn the_limits_are_exact() {
        assert_eq!(ok("30d"), 30 * 86_400_000);
        assert!(err("30d1ms").contains("30 d,"), "{}", err("30d1ms"));
        assert!(err("0s").contains("longer than nothing"));
        assert_eq!(ok("1ms"), 1);
        assert!(err("99999999999999999999d").contains("most allowed"));
        assert!(err("18446744073709551615d").contains("most allowed"));
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["", "90", "h", "-5m", "1.5h", "2h5", "h2"] {
            assert!(err(text).contains("number and a unit"), "{text}: {}", err(text));
        }
        assert!(err("3w").contains("unit w"));
        assert!(err("5H").contains("unit H"));
        assert!(err("5m1h").contains("larger one after"));
        assert!(err("1h1h").contains("twice"));
        assert!(parse("3w", Words::new(Lang::Zh)).unwrap_err().contains("未知单位"));
    }
}
