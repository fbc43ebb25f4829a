//! The copy of the sources: the simulator, every crate of ours that it is made of, and the program that plays seeds.
//!
//! Written only where something changed, so that building it again costs nothing.

use crate::{Mutant, SELECTOR, mutate};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Makes or renews the copy of the workspace at `root` in `to`.
///
/// # Errors
/// Files that cannot be read or written, and every entry of the table whose place is not there exactly once.
pub fn make(root: &Path, to: &Path, mutants: &[Mutant], driver: &str) -> Result<(), Vec<String>> {
    let crates = needed(root, "simulator").map_err(|e| vec![e])?;
    let one = |e: io::Error| vec![format!("copy of the sources: {e}")];
    let mut errors = Vec::new();
    let known: BTreeSet<&str> = mutants.iter().flat_map(|m| m.edits).map(|e| e.file).collect();
    for file in &known {
        let home = file.split('/').next().unwrap_or_default();
        if !crates.iter().any(|c| c == home) || !root.join("crates").join(file).is_file() {
            errors.push(format!("crates/{file}: a mutant names this file, and the simulator is not made of it"));
        }
    }
    for name in &crates {
        let home = root.join("crates").join(name);
        let manifest = fs::read_to_string(home.join("Cargo.toml")).map_err(one)?;
        write(&to.join("crates").join(name).join("Cargo.toml"), &without_dev_dependencies(&manifest)).map_err(one)?;
        for file in sources(&home.join("src")).map_err(one)? {
            let below = file.strip_prefix(root.join("crates")).unwrap_or(&file);
            let text = fs::read_to_string(&file).map_err(one)?;
            match mutate(&below.to_string_lossy(), &text, mutants) {
                Ok(text) => write(&to.join("crates").join(below), &with_selector(below, text)).map_err(one)?,
                Err(more) => errors.extend(more),
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    write(&to.join("crates/types/src/mutant.rs"), SELECTOR).map_err(one)?;
    write(&to.join("crates/sweep/Cargo.toml"), DRIVER).map_err(one)?;
    write(&to.join("crates/sweep/src/main.rs"), driver).map_err(one)?;
    let manifest = fs::read_to_string(root.join("Cargo.toml")).map_err(one)?;
    let members: Vec<String> =
        crates.iter().map(String::as_str).chain(["sweep"]).map(|c| format!("\"crates/{c}\"")).collect();
    let manifest: String = manifest
        .lines()
        .map(|line| match line {
            // Thousands of runs are worth an optimised build.
            "[profile.dev]" => "[profile.dev]\nopt-level = 3\n".to_string(),
            "opt-level = 1" | "debug = \"line-tables-only\"" => String::new(),
            _ if line.starts_with("members = ") => format!("members = [{}]\n", members.join(", ")),
            _ => format!("{line}\n"),
        })
        .collect();
    write(&to.join("Cargo.toml"), &manifest).map_err(one)?;
    let lock = fs::read_to_string(root.join("Cargo.lock")).map_err(one)?;
    // Cargo drops what the copy does not need; the next time that is no reason to write it again.
    if fs::read_to_string(to.join("Cargo.lock.from")).ok().as_ref() != Some(&lock) {
        write(&to.join("Cargo.lock"), &lock).map_err(one)?;
        write(&to.join("Cargo.lock.from"), &lock).map_err(one)?;
    }
    Ok(())
}

const DRIVER: &str = "[package]\nname = \"sweep\"\nversion.workspace = true\nedition.workspace = true\npublish = false\n\n\
[dependencies]\nsimulator.workspace = true\nhotpair-types.workspace = true\narbiter-core.workspace = true\n";

/// The crates of ours that `name` is made of, itself included, by directory.
fn needed(root: &Path, name: &str) -> Result<Vec<String>, String> {
    let read = |path: PathBuf| fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()));
    let workspace = read(root.join("Cargo.toml"))?;
    let directory = |package: &str| {
        let line = workspace.lines().find(|l| l.starts_with(&format!("{package} = {{ path = \"crates/")))?;
        Some(line.split("crates/").nth(1)?.split('"').next()?.to_string())
    };
    let mut found: Vec<String> = vec![name.to_string()];
    let mut at = 0;
    while at < found.len() {
        let manifest = read(root.join("crates").join(&found[at]).join("Cargo.toml"))?;
        for line in without_dev_dependencies(&manifest).lines() {
            let package = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if let Some(crate_name) = directory(package).filter(|c| !found.contains(c)) {
                found.push(crate_name);
            }
        }
        at += 1;
    }
    Ok(found)
}

fn without_dev_dependencies(manifest: &str) -> String {
    let mut skip = false;
    let mut out = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            skip = line.starts_with("[dev-dependencies") || line.starts_with("[[test") || line.starts_with("[[bench");
        }
        if !skip && !line.starts_with("clap") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn with_selector(file: &Path, text: String) -> String {
    if file != Path::new("types/src/lib.rs") {
        return text;
    }
    // Within its own crate it goes by the same name.
    text.replacen("extern crate alloc;", "extern crate alloc;\nextern crate self as hotpair_types;\npub mod mutant;", 1)
}

fn sources(below: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![below.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name == "bin") {
                // Programs, and what only they need, are left out.
            } else if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}
