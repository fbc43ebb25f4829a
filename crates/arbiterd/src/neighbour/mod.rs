//! Neighbours: any other hotpair node, or `arbiterd --witness`, answers the safety check from its own vantage point (S23).
//!
//! The asker sends every neighbour a signed question in each round; the neighbour looks for the peer's addresses itself and
//! answers "seen", "I cannot see it either" or "I cannot look". A sight can only prevent a takeover; that others cannot see the peer
//! either permits one where the configuration asks for it (`neighbours_required`), and never brings one about.
//!
//! - [`wire`]: the datagrams · [`asker`]: asks · [`lookout`]: answers · [`daemon`]: `arbiterd --witness` · [`file`]: its configuration

pub mod asker;
pub mod daemon;
pub mod file;
pub mod lookout;
pub mod wire;
