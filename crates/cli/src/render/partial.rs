//! What `hotpair status` shows while arbiterd does not answer: what hbd and resd say for themselves.

use crate::failure::Failure;
use crate::ids;
use crate::json;
use crate::render::{Sheet, paths, status};
use crate::text::{Line, Page, Tone};
use crate::words::Words;
use hotpair_proto::heartbeat::v1::GetPeerResponse;
use hotpair_proto::resource::v1::GetObservedResponse;
use serde_json::{Value, json};

/// What could be had without arbiterd.
#[derive(Clone, Debug)]
pub struct Partial {
    /// Why arbiterd does not answer.
    pub arbiterd: Failure,
    /// hbd's answer.
    pub hbd: Result<GetPeerResponse, Failure>,
    /// resd's answer.
    pub resd: Result<GetObservedResponse, Failure>,
}

impl Partial {
    /// Name of this node, as far as a daemon says it.
    fn node(&self) -> &str {
        let hbd = self.hbd.as_ref().ok().and_then(|r| r.process.as_ref());
        let resd = self.resd.as_ref().ok().and_then(|r| r.process.as_ref());
        hbd.or(resd).map_or("", |p| p.node.as_str())
    }

    /// The page.
    #[must_use]
    pub fn page(&self, sheet: Sheet) -> Page {
        let words = sheet.words;
        let mut page = Page::new();
        let rendered = hotpair_messages::render_full(ids::ARBITER_AWAY, words.lang(), &[]);
        page.line(Line::new().tone(Tone::Bad, rendered.text));
        page.line(Line::indented(2).text(rendered.meaning));
        if !self.node().is_empty() {
            page.line(Line::new().tone(Tone::Bold, words.say(ids::NODE_TITLE, &[("node", &self.node())])));
        }
        match &self.resd {
            Ok(answer) => {
                page.heading(words.word(ids::GROUPS));
                for group in answer.view.iter().flat_map(|view| &view.groups) {
                    let (tone, state) = words.group_state(group.state());
                    let line = Line::indented(2).tone(Tone::Accent, group.name.as_str()).text("  ").tone(tone, state);
                    page.line(line.tone(Tone::Dim, format!(" {}", words.lasting(group.since_ns, sheet.now_ns))));
                    for line in status::resources_of(group, sheet) {
                        page.line(line);
                    }
                }
            }
            Err(failure) => away(&mut page, "resd", failure),
        }
        match &self.hbd {
            Ok(answer) => {
                let paths = answer.view.as_ref().map(|view| view.paths.as_slice()).unwrap_or_default();
                paths::section(&mut page, paths, self.node(), "", sheet);
            }
            Err(failure) => away(&mut page, "hbd", failure),
        }
        page
    }

    /// The same for `--json`.
    #[must_use]
    pub fn json(&self, words: Words) -> Value {
        let hbd = match &self.hbd {
            Ok(a) => json!({
                "process": a.process.as_ref().map(json::process),
                "view": a.view.as_ref().map(|v| json::peer_view(v, words)),
            }),
            Err(failure) => failure.json(),
        };
        let resd = match &self.resd {
            Ok(a) => json!({
                "process": a.process.as_ref().map(json::process),
                "groups": a.view.iter().flat_map(|v| &v.groups).map(json::observed).collect::<Vec<_>>(),
            }),
            Err(failure) => failure.json(),
        };
        json!({
            "reachable": false, "health": "unknown", "arbiterd": self.arbiterd.json(), "hbd": hbd, "resd": resd,
        })
    }
}

fn away(page: &mut Page, daemon: &str, failure: &Failure) {
    page.heading(daemon);
    page.line(Line::indented(2).tone(Tone::Bad, failure.text.as_str()));
}
