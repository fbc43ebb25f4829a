//! Replay protection: a 64-bit sequence with a sliding window of 64 (as RFC 4303 section 3.4.3 does for ESP).

/// Which sequence numbers of one run of the peer on one path were seen. Moves only for authentic frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplayWindow {
    /// Highest number seen; 0: none.
    newest: u64,
    /// Bit n: `newest − n` was seen.
    seen: u64,
    /// Numbers accepted, saturating at 64: how much of the window means anything.
    filled: u32,
}

impl ReplayWindow {
    /// True if the number is new, which it then is no more. 0 is never new: frames count from 1.
    pub fn accept(&mut self, sequence: u64) -> bool {
        if sequence > self.newest {
            let ahead = sequence.saturating_sub(self.newest);
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            if self.newest == 0 {
                self.filled = 1;
            } else {
                self.filled = self.filled.saturating_add(shift).min(64);
            }
            self.newest = sequence;
            return true;
        }
        let behind = u32::try_from(self.newest.saturating_sub(sequence)).unwrap_or(u32::MAX);
        let Some(bit) = 1_u64.checked_shl(behind) else {
            return false;
        };
        if sequence == 0 || self.seen & bit != 0 {
            return false;
        }
        self.seen |= bit;
        true
    }

    /// Percent of the last (up to) 64 numbers that are missing; `None` before 8 numbers have gone by.
    pub fn loss_percent(&self) -> Option<u8> {
        if self.filled < 8 {
            return None;
        }
        let mask = if self.filled >= 64 { u64::MAX } else { 1_u64.checked_shl(self.filled)?.checked_sub(1)? };
        let missing = self.filled.saturating_sub((self.seen & mask).count_ones());
        u8::try_from(missing.saturating_mul(100).checked_div(self.filled)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAULTS W13, W14, W15: duplicates, reordering within the window, numbers behind it, and the end of the range.
    #[test]
    fn each_number_is_accepted_once() {
        let mut w = ReplayWindow::default();
        assert!(!w.accept(0));
        assert!(w.accept(1) && !w.accept(1));
        assert!(w.accept(64) && w.accept(2) && !w.accept(2));
        assert!(w.accept(65), "the window moves");
        assert!(!w.accept(1), "63 behind, but seen");
        assert!(w.accept(3) && !w.accept(3));
        assert!(w.accept(1_000) && !w.accept(936) && w.accept(937));
        assert!(w.accept(u64::MAX) && !w.accept(u64::MAX) && w.accept(u64::MAX - 63) && !w.accept(u64::MAX - 64));
    }

    #[test]
    fn loss_is_counted_over_the_window() {
        let mut w = ReplayWindow::default();
        for sequence in 1..=7 {
            w.accept(sequence);
        }
        assert_eq!(w.loss_percent(), None);
        for sequence in (8..=200).filter(|s| s % 2 == 0) {
            w.accept(sequence);
        }
        assert_eq!(w.loss_percent(), Some(50));
        for sequence in 201..=300 {
            w.accept(sequence);
        }
        assert_eq!(w.loss_percent(), Some(0));
    }
}
