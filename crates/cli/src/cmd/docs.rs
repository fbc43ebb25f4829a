//! `completions`, and the hidden `man` and `reference`: what is written from the command line's own definition.

use crate::args::{ManualPage, ReferenceArgs};
use crate::cmd::{Context, Outcome};
use crate::failure::{Exit, Failure};
use crate::help;
use crate::ids;
use crate::render::story;
use crate::words::Words;
use clap_complete::Shell;
use hotpair_messages::Lang;
use hotpair_runtime::args;
use std::io;
use std::path::Path;

/// `hotpair completions SHELL`
///
/// # Errors
/// When standard output cannot be written.
pub fn completions(context: &Context, shell: Shell) -> Outcome {
    let mut script: Vec<u8> = Vec::new();
    clap_complete::generate(shell, &mut help::command(Lang::En), "hotpair", &mut script);
    context.out.print(&String::from_utf8_lossy(&script)).map(|()| Exit::Ok)
}

/// `hotpair man DIR`: hotpair.1 and one page per command; hbd.8, arbiterd.8 and resd.8.
///
/// # Errors
/// When the directory cannot be written.
pub fn man(context: &Context, dir: &Path) -> Outcome {
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(help::command(Lang::En), dir))
        .and_then(|()| args::DAEMONS.iter().try_for_each(|(daemon, _)| daemon_page(daemon, dir)));
    written.map(|()| Exit::Ok).map_err(|error| {
        Failure::new(Exit::Error, context.words, ids::CANNOT_WRITE_MAN, &[("dir", &dir.display()), ("reason", &error)])
    })
}

fn daemon_page(daemon: &'static str, dir: &Path) -> io::Result<()> {
    let command = args::command(daemon, env!("CARGO_PKG_VERSION"));
    let mut page = Vec::new();
    clap_mangen::Man::new(command).section("8").render(&mut page)?;
    std::fs::write(dir.join(format!("{daemon}.8")), page)
}

/// `hotpair reference`: docs/cli.md, docs/rules.md and so on, or their Chinese sisters, by the chosen language.
///
/// # Errors
/// When standard output cannot be written.
pub fn reference(context: &Context, args: &ReferenceArgs) -> Outcome {
    context.out.print(&page(args.page, context.words)).map(|()| Exit::Ok)
}

/// A page of the documentation.
#[must_use]
pub fn page(page: ManualPage, words: Words) -> String {
    match page {
        ManualPage::Cli => crate::reference::markdown(words.lang()),
        ManualPage::Rules => story::manual(&['R'], ids::MANUAL_RULES, words),
        ManualPage::Events => story::manual(&['E', 'P', 'S', 'D'], ids::MANUAL_EVENTS, words),
        ManualPage::Alarms => story::manual(&['A'], ids::MANUAL_ALARMS, words),
    }
}
