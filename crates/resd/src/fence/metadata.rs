//! What an agent says of itself (`action=metadata`), and whether the configured parameters fit it.
//!
//! Only what is needed is read out of the XML: names of parameters and actions. Anything odd is skipped, never trusted.

use std::collections::BTreeSet;

/// Parameters that any program of the package understands, or that name what [`super`] itself decides.
const OWN: [&str; 1] = ["action"];

/// A parameter as the agent describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parameter {
    name: String,
    required: bool,
    obsoletes: Option<String>,
}

/// What an agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    parameters: Vec<Parameter>,
    actions: BTreeSet<String>,
}

impl Metadata {
    /// Reads the XML an agent printed; text around it (warnings) does no harm.
    ///
    /// # Errors
    /// In words, if there is no description in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let start = text.find("<resource-agent").ok_or("its metadata holds no description of an agent")?;
        let mut found = Self::default();
        for tag in tags(&text[start..]) {
            match tag.name {
                "parameter" => {
                    let Some(name) = tag.attribute("name") else { continue };
                    let required = tag.attribute("required").as_deref() == Some("1");
                    found.parameters.push(Parameter { name, required, obsoletes: tag.attribute("obsoletes") });
                }
                "action" => found.actions.extend(tag.attribute("name")),
                _ => {}
            }
        }
        if found.actions.is_empty() {
            return Err("its metadata names no action".to_string());
        }
        Ok(found)
    }

    /// What does not fit, each in words; empty if all does.
    pub fn mistakes<'a>(&self, given: impl Iterator<Item = &'a str>, power_on: bool) -> Vec<String> {
        let given: BTreeSet<String> = given.map(plain).collect();
        let known: BTreeSet<String> = self.parameters.iter().map(|p| plain(&p.name)).collect();
        let mut mistakes = Vec::new();
        for name in given.difference(&known) {
            let near = known.iter().filter(|k| distance(k, name) <= 2).min_by_key(|k| distance(k, name));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            mistakes.push(format!("it has no parameter `{name}`{hint}"));
        }
        for parameter in self.parameters.iter().filter(|p| p.required && !OWN.contains(&p.name.as_str())) {
            let name = plain(&parameter.name);
            // An old and a new name of the same thing stand for each other.
            let newer = self.parameters.iter().filter(|p| p.obsoletes.as_deref().map(plain).as_ref() == Some(&name));
            let other = newer.map(|p| plain(&p.name)).chain(parameter.obsoletes.as_deref().map(plain));
            let mut names = other.chain([name.clone()]);
            let old = self.parameters.iter().any(|p| p.obsoletes.as_deref().map(plain).as_ref() == Some(&name));
            if !old && !names.any(|n| given.contains(&n)) {
                mistakes.push(format!("its parameter `{name}` is required and missing"));
            }
        }
        let on = power_on.then_some("on");
        for action in ["off", "status"].into_iter().chain(on) {
            if !self.actions.contains(action) {
                mistakes.push(format!("it has no action `{action}`, which is needed"));
            }
        }
        mistakes
    }
}

/// Agents take `-` and `_` for the same.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

struct Tag<'a> {
    name: &'a str,
    rest: &'a str,
}

impl Tag<'_> {
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.rest;
        loop {
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, next) = after.get(1..)?.split_once(quote)?;
            if name.trim() == wanted {
                return Some(value.to_string());
            }
            rest = next;
        }
    }
}

/// The opening tags of a text, in order.
fn tags(text: &str) -> impl Iterator<Item = Tag<'_>> {
    text.split('<').skip(1).filter_map(|piece| {
        let inner = piece.split_once('>').map_or(piece, |(inner, _)| inner);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(end);
        (!name.is_empty()).then_some(Tag { name, rest })
    })
}

/// Letters to change between two names (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let best = (corner + usize::from(x != *y)).min(left + 1).min(above.saturating_add(1));
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            corner = above;
            left = best;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"warning: old python
<?xml version="1.0" ?>
<resource-agent name="fence_x" shortdesc="x > y" >
<parameters>
	<parameter name="action" unique="0" required="1"><content type="string" default="reboot" /></parameter>
	<parameter name="ip" unique="0" required="1" obsoletes="ipaddr"></parameter>
	<parameter name="ipaddr" unique="0" required="1" deprecated="1"></parameter>
	<parameter name="passwd" unique="0" required="0"></parameter>
</parameters>
<actions><action name="on" automatic="0"/><action name="off" /><action name="status" /></actions>
</resource-agent>"#;

    /// U F05: what does not fit the agent is named, with the nearest name; an old name stands for the new one.
    #[test]
    fn parameters_are_compared_with_the_agents_own_description() {
        let metadata = Metadata::parse(XML).unwrap();
        assert!(metadata.mistakes(["ip", "passwd"].into_iter(), true).is_empty());
        assert!(metadata.mistakes(["ipaddr"].into_iter(), false).is_empty());
        let wrong = metadata.mistakes(["paswd"].into_iter(), false);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("`paswd`") && wrong[0].contains("`passwd`"), "{wrong:?}");
        assert!(wrong[1].contains("`ip` is required"), "{wrong:?}");
        let weak = Metadata::parse("<resource-agent><actions><action name=\"status\"/></actions>").unwrap();
        assert_eq!(weak.mistakes([].into_iter(), true).len(), 2);
    }

    /// S9: garbage is an error, never an empty description that everything fits.
    #[test]
    fn garbage_is_refused() {
        for text in ["", "<", "<resource-agent", "<resource-agent a='", "\u{0}<resource-agent><action name=", "<x/>"] {
            assert!(Metadata::parse(text).is_err(), "{text:?}");
        }
        assert_eq!((distance("", "abc"), distance("kitten", "sitting"), distance("a", "a")), (3, 3, 0));
    }
}
