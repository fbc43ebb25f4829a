//! Distributions and how they are printed.
//!
//! Threading: plain values.

/// Measured values of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    values: Vec<f64>,
}

impl Distribution {
    /// Of these values.
    #[must_use]
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { values }
    }

    /// The least measured value that at least a share `part` (0 to 1) of the values does not exceed.
    #[must_use]
    pub fn quantile(&self, part: f64) -> f64 {
        let wanted = part.clamp(0.0, 1.0) * count(self.values.len());
        let found = self.values.iter().zip(1_u32..).find(|(_, rank)| f64::from(*rank) >= wanted - 1e-9);
        found.map_or(f64::NAN, |(value, _)| *value)
    }

    /// The middle; of an even number of values the mean of the two in the middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        let half = count(self.values.len()) / 2.0;
        let at = |rank: f64| self.quantile(rank / count(self.values.len()).max(1.0));
        if half.fract() > 0.0 { at(half.ceil()) } else { f64::midpoint(at(half), at(half + 1.0)) }
    }

    /// The greatest.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.quantile(1.0)
    }

    /// The same, each value less `amount`.
    #[must_use]
    pub fn less(&self, amount: f64) -> Self {
        Self::new(self.values.iter().map(|value| value - amount).collect())
    }

    /// `min median p90 max`, in columns.
    #[must_use]
    pub fn columns(&self) -> String {
        let [min, p90, max] = [0.0, 0.9, 1.0].map(|part| self.quantile(part));
        [min, self.median(), p90, max].map(|value| format!("{value:>10.1}")).concat()
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_measured_values() {
        let ten = Distribution::new((1..=10).rev().map(f64::from).collect());
        assert_eq!((ten.quantile(0.0), ten.median(), ten.quantile(0.9), ten.max()), (1.0, 5.5, 9.0, 10.0));
        let odd = Distribution::new(vec![3.0, 1.0, 2.0]);
        assert_eq!((odd.median(), odd.less(1.0).median()), (2.0, 1.0));
        assert!(Distribution::default().median().is_nan());
    }
}
