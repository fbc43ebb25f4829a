//! The two languages, and which of them the environment asks for.

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese (simplified).
    Zh,
}

impl Lang {
    /// From a locale or language tag (`zh_CN.UTF-8`, `zh-Hans`, `en`, `C`). `None`: empty text, which says nothing.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let word = tag.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if word.is_empty() {
            return None;
        }
        Some(if word.eq_ignore_ascii_case("zh") { Self::Zh } else { Self::En })
    }

    /// `en` or `zh`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// What the environment asks for: the first that is set and not empty of `HOTPAIR_LANG`, `LC_ALL`, `LC_MESSAGES`,
    /// `LANG`; English if none is. Locales other than Chinese read English.
    #[cfg(feature = "std")]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// As `from_env`, with the environment given as a function.
    pub fn from_lookup(get: impl Fn(&str) -> Option<alloc::string::String>) -> Self {
        ["HOTPAIR_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| get(name).as_deref().and_then(Self::from_tag))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let env = |pairs: &'static [(&str, &str)]| {
            Lang::from_lookup(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string()))
        };
        assert_eq!(env(&[]), Lang::En);
        assert_eq!(env(&[("LANG", "zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(env(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")]), Lang::En);
        assert_eq!(env(&[("LC_ALL", ""), ("LANG", "zh_TW")]), Lang::Zh);
        assert_eq!(env(&[("HOTPAIR_LANG", "zh"), ("LC_ALL", "en_US.UTF-8")]), Lang::Zh);
        assert_eq!(env(&[("LANG", "de_DE")]), Lang::En);
    }
}
