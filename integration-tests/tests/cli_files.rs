//! What the command line writes: a first configuration with which a pair really starts, completions, manual pages; and
//! what the README tells people to type.
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::lab::{Lab, binary};

const LONG: Duration = Duration::from_secs(30);

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn hotpair(arguments: &[&str]) -> Result<String> {
    let output = Command::new(binary("hotpair")?).args(arguments).env("LC_ALL", "C").output()?;
    ensure!(output.status.success(), "hotpair {arguments:?} ({}):\n{}", output.status, said(&output));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn mode(path: &Path) -> Result<u32> {
    Ok(path.metadata().with_context(|| path.display().to_string())?.permissions().mode() & 0o777)
}

/// Issue point 6, S24: `init` writes a configuration and a key; `check` finds it good and says what is missing for more
/// redundancy; both nodes' daemons start with it as it is, and serve the address.
#[test]
fn a_pair_starts_with_what_init_writes() -> Result<()> {
    let lab = Lab::builder().serial("ser0").build()?;
    let (alpha, beta) = (lab.alpha(), lab.beta());
    let dir = lab.dir().join("etc");
    let place = dir.to_str().context("not UTF-8")?;
    let net = |name: &str| -> Result<String> {
        let (a, b) = (lab.address(alpha, name, false)?, lab.address(beta, name, false)?);
        Ok(format!("{name}:{a},{name}:{b}"))
    };
    let cable = lab.cable("ser0")?;
    let serial = format!("{},{}", cable.device("alpha")?.display(), cable.device("beta")?.display());
    let address = format!("{}/24@lan", Lab::vip4(0));
    let (lan, hb) = (net("lan")?, net("hb")?);
    let mut arguments = vec!["init", "--dir", place, "--pair", "first", "--node", "alpha", "--peer", "beta"];
    arguments.extend(["--udp", &lan, "--udp", &hb, "--serial", &serial, "--reference", "10.77.1.254"]);
    arguments.extend(["--address", &address, "--group", "web"]);
    hotpair(&arguments)?;
    let (config, key) = (dir.join("hotpair.toml"), dir.join("hotpair.key"));
    ensure!(mode(&key)? == 0o600, "the key can be read by others: {:o}", mode(&key)?);
    let text = std::fs::read_to_string(&config)?;
    let comments = text.lines().filter(|line| line.starts_with('#')).count();
    ensure!(comments > 30, "few comments:\n{text}");
    // A second time it does not overwrite what is there.
    let again = Command::new(binary("hotpair")?).args(&arguments).output()?;
    ensure!(!again.status.success() && std::fs::read_to_string(&config)? == text, "{}", said(&again));

    let checked = hotpair(&["check", "--config", config.to_str().context("not UTF-8")?])?;
    ensure!(checked.contains("good"), "{checked}");
    for node in lab.nodes() {
        node.set_config(&config);
    }
    lab.start_all()?;
    lab.wait_until("web is served and both nodes are well", LONG, || {
        let status = alpha.hotpair_json(&["status", "--json"])?;
        Ok(status["health"] == "ok" && status["groups"][0]["serving_on"] == "alpha")
    })?;
    ensure!(alpha.has_address(Lab::vip4(0).into())? && !beta.has_address(Lab::vip4(0).into())?);
    Ok(())
}

/// Issue point 10: every `hotpair` command line in the READMEs is understood, and the one that begins a first pair works.
#[test]
fn the_readme_tells_commands_that_work() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for page in ["README.md", "README.zh-CN.md"] {
        // A line that ends in a backslash goes on with the next one.
        let text = std::fs::read_to_string(root.join(page))?.replace("\\\n", " ");
        // What stands between fences, without what a person has to replace.
        let blocks = text.split("```").skip(1).step_by(2);
        let lines: Vec<&str> = blocks
            .flat_map(str::lines)
            .map(str::trim)
            .filter(|line| line.starts_with("hotpair ") && !line.contains(" DIR "))
            .collect();
        ensure!(lines.len() >= 4, "{page}: {lines:?}");
        let dir = tempfile::tempdir()?;
        let place = dir.path().to_str().context("not UTF-8")?;
        for line in lines {
            let line = line.replace("/etc/hotpair", place);
            let words: Vec<&str> = line.split_whitespace().skip(1).take_while(|word| *word != "#").collect();
            if words.first() == Some(&"init") {
                hotpair(&words).with_context(|| page.to_owned())?;
                continue;
            }
            // No daemon is there: what is judged is the command line. 2 would mean that it is wrong.
            let mut command = Command::new("timeout");
            command.arg("2").arg(binary("hotpair")?).args(&words).env("HOTPAIR_RUN_DIR", dir.path());
            let output = command.output()?;
            ensure!(output.status.code() != Some(2), "{page}: {line}: {}", said(&output));
        }
        let config = dir.path().join("hotpair.toml");
        hotpair(&["check", "--config", config.to_str().context("not UTF-8")?]).with_context(|| page.to_owned())?;
    }
    Ok(())
}

/// Issue point 6: completions for three shells. Bash loads its own and knows the command afterwards.
#[test]
fn completions_are_written_for_three_shells() -> Result<()> {
    let dir = tempfile::tempdir()?;
    for shell in ["bash", "zsh", "fish"] {
        let text = hotpair(&["completions", shell])?;
        for word in ["switchover", "vouch-peer-off", "--run-dir", "maintenance"] {
            // Fish names long options without their dashes.
            ensure!(text.contains(word.trim_start_matches('-')), "{shell}: no {word}");
        }
        std::fs::write(dir.path().join(shell), text)?;
    }
    let script = format!("set -e; source '{}'; complete -p hotpair", dir.path().join("bash").display());
    let output = Command::new("bash").args(["--norc", "-c", &script]).output()?;
    ensure!(output.status.success() && said(&output).contains("complete"), "{}", said(&output));
    Ok(())
}

/// Issue point 7: manual pages for the command and each of its sub-commands, as roff.
#[test]
fn manual_pages_are_written() -> Result<()> {
    let dir = tempfile::tempdir()?;
    hotpair(&["man", dir.path().to_str().context("not UTF-8")?])?;
    let help = hotpair(&["--help"])?;
    for name in ["init", "check", "status", "paths", "events", "explain", "switchover", "standby", "freeze", "clear"] {
        ensure!(help.contains(name), "{help}");
        let page = std::fs::read_to_string(dir.path().join(format!("hotpair-{name}.1")))?;
        ensure!(page.contains(".TH ") && page.contains(".SH "), "hotpair-{name}.1 is no manual page");
    }
    ensure!(std::fs::read_to_string(dir.path().join("hotpair.1"))?.contains("hotpair\\-switchover(1)"));
    Ok(())
}
