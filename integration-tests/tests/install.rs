//! Installing: everything is in its place below `DESTDIR` and nothing outside; the units are well-formed; the Debian package
//! holds the same, with checksums, and can be unpacked into a root of its own.
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use integration_tests::lab::binary;

/// What must be there: path and mode.
const FILES: &[(&str, u32)] = &[
    ("etc/hotpair/hotpair.toml.example", 0o644),
    ("usr/bin/hotpair", 0o755),
    ("usr/lib/systemd/system/arbiterd.service", 0o644),
    ("usr/lib/systemd/system/hbd.service", 0o644),
    ("usr/lib/systemd/system/hotpair-witness.service", 0o644),
    ("usr/lib/systemd/system/hotpair.target", 0o644),
    ("usr/lib/systemd/system/resd.service", 0o644),
    ("usr/lib/sysusers.d/hotpair.conf", 0o644),
    ("usr/lib/tmpfiles.d/hotpair.conf", 0o644),
    ("usr/sbin/arbiterd", 0o755),
    ("usr/sbin/hbd", 0o755),
    ("usr/sbin/resd", 0o755),
    ("usr/share/bash-completion/completions/hotpair", 0o644),
    ("usr/share/doc/hotpair/README.md", 0o644),
    ("usr/share/doc/hotpair/README.zh-CN.md", 0o644),
    ("usr/share/doc/hotpair/configuration.md", 0o644),
    ("usr/share/doc/hotpair/cli.md", 0o644),
    ("usr/share/doc/hotpair/hotpair.toml.example.zh-CN", 0o644),
    ("usr/share/fish/vendor_completions.d/hotpair.fish", 0o644),
    ("usr/share/man/man1/hotpair.1", 0o644),
    ("usr/share/man/man1/hotpair-status.1", 0o644),
    ("usr/share/man/man1/hotpair-switchover.1", 0o644),
    ("usr/share/man/man5/hotpair.toml.5", 0o644),
    ("usr/share/man/man8/hbd.8", 0o644),
    ("usr/share/man/man8/arbiterd.8", 0o644),
    ("usr/share/man/man8/resd.8", 0o644),
    ("usr/share/zsh/vendor-completions/_hotpair", 0o644),
];

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    ensure!(output.status.success(), "{command:?} ({}):\n{}", output.status, said(&output));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The programs as they are here, without what only debuggers read: a package of them is quick to make.
fn programs(dir: &Path) -> Result<()> {
    for program in ["hotpair", "hbd", "arbiterd", "resd"] {
        run(Command::new("strip").arg("-o").arg(dir.join(program)).arg(binary(program)?))?;
    }
    Ok(())
}

/// Every file below `root` with its mode.
fn tree(root: &Path) -> Result<BTreeMap<String, u32>> {
    let text = run(Command::new("find").arg(root).args(["-type", "f", "-printf", "%m %P\\n"]))?;
    text.lines()
        .map(|line| {
            let (mode, path) = line.split_once(' ').context("find says nonsense")?;
            Ok((path.to_owned(), u32::from_str_radix(mode, 8)?))
        })
        .collect()
}

fn demand(tree: &BTreeMap<String, u32>, packed: bool) -> Result<()> {
    for (path, mode) in FILES {
        // In a package the manual pages are compressed.
        let path = if packed && path.contains("/man/") { format!("{path}.gz") } else { (*path).to_owned() };
        ensure!(tree.get(&path) == Some(mode), "{path} is {:?}, not {mode:o}, in {tree:#?}", tree.get(&path));
    }
    let strange: Vec<&String> =
        tree.keys().filter(|path| !path.starts_with("usr/") && !path.starts_with("etc/hotpair/")).collect();
    ensure!(strange.is_empty(), "files in strange places: {strange:?}");
    ensure!(!tree.contains_key("etc/hotpair/hotpair.toml"), "a configuration nobody wrote");
    Ok(())
}

/// Issue point 7: `make install` with DESTDIR and PREFIX; a second time over the first; the units name the programs where they are.
#[test]
fn everything_is_in_its_place() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (bin, dest) = (dir.path().join("bin"), dir.path().join("dest"));
    std::fs::create_dir(&bin)?;
    programs(&bin)?;
    for _ in 0..2 {
        run(Command::new(deploy("install.sh")).arg(&bin).arg(&dest).arg("/usr"))?;
        demand(&tree(&dest)?, false)?;
    }
    ensure!(std::fs::read_dir(dir.path())?.count() == 2, "written outside of DESTDIR");
    run(Command::new(dest.join("usr/bin/hotpair")).arg("version"))?;

    let other = dir.path().join("other");
    run(Command::new(deploy("install.sh")).arg(&bin).arg(&other).arg("/opt/hotpair"))?;
    let unit = std::fs::read_to_string(other.join("opt/hotpair/lib/systemd/system/hbd.service"))?;
    ensure!(unit.contains("ExecStart=/opt/hotpair/sbin/hbd"), "{unit}");

    units_are_well_formed(&dest)?;
    users_and_directories(&dest)
}

/// Judged by systemd's own checker where there is one; the root holds nothing but hotpair, so what it misses of the rest of
/// a system is no finding.
fn units_are_well_formed(dest: &Path) -> Result<()> {
    for daemon in ["hbd", "arbiterd", "resd"] {
        let unit = std::fs::read_to_string(dest.join(format!("usr/lib/systemd/system/{daemon}.service")))?;
        for wanted in ["Type=notify", &format!("ExecStart=/usr/sbin/{daemon}"), "WatchdogSec=", "Restart="] {
            ensure!(unit.contains(wanted), "{daemon}.service: no {wanted}\n{unit}");
        }
    }
    let mut command = Command::new("systemd-analyze");
    command.arg("verify").arg("--man=no").arg(format!("--root={}", dest.display()));
    command.args(["hotpair.target", "hbd.service", "arbiterd.service", "resd.service", "hotpair-witness.service"]);
    let output = match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let text = said(&output);
    let foreign = ["sysinit.target not found", "/bin/kill is not executable", "failed with code 16"];
    let findings: Vec<&str> = text.lines().filter(|line| !foreign.iter().any(|known| line.contains(known))).collect();
    ensure!(findings.is_empty(), "{findings:#?}");
    Ok(())
}

fn users_and_directories(dest: &Path) -> Result<()> {
    let users = std::fs::read_to_string(dest.join("usr/lib/sysusers.d/hotpair.conf"))?;
    for group in ["hotpair", "hotpair-admin"] {
        let said = users.lines().any(|line| line.starts_with("g ") && line.split_whitespace().nth(1) == Some(group));
        ensure!(said, "no group {group}:\n{users}");
    }
    let mut command = Command::new("systemd-sysusers");
    command.arg(format!("--root={}", dest.display()));
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => {
            let output = other?;
            ensure!(output.status.success(), "{}", said(&output));
        }
    }
    let groups = std::fs::read_to_string(dest.join("etc/group"))?;
    ensure!(groups.contains("hotpair:") && groups.contains("hotpair-admin:"), "{groups}");
    Ok(())
}

/// Issue point 7: `make deb`: the same files, good checksums, a marked configuration file, scripts that a shell understands; dpkg
/// unpacks it into a root of its own, and the program in it runs.
#[test]
fn the_debian_package_holds_the_same() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (bin, out, root) = (dir.path().join("bin"), dir.path().join("out"), dir.path().join("root"));
    std::fs::create_dir(&bin)?;
    programs(&bin)?;
    // Quick to pack; the real one is packed well.
    let mut command = Command::new(deploy("make-deb.sh"));
    command.arg(&bin).arg(&out).env("DPKG_DEB_COMPRESSOR_TYPE", "gzip").env("DPKG_DEB_COMPRESSOR_LEVEL", "1");
    let package = PathBuf::from(run(&mut command)?.trim());
    ensure!(package.starts_with(&out) && package.is_file(), "{}", package.display());
    for (field, wanted) in [("Package", "hotpair"), ("Version", env!("CARGO_PKG_VERSION"))] {
        let said = run(Command::new("dpkg-deb").arg("-f").arg(&package).arg(field))?;
        ensure!(said.trim() == wanted, "{field} is {said}");
    }
    let control = dir.path().join("control");
    run(Command::new("dpkg-deb").arg("-e").arg(&package).arg(&control))?;
    ensure!(std::fs::read_to_string(control.join("conffiles"))?.trim() == "/etc/hotpair/hotpair.toml.example");
    for script in ["postinst", "prerm", "postrm"] {
        run(Command::new("sh").arg("-n").arg(control.join(script)))?;
    }

    let admin = root.join("var/lib/dpkg");
    for sub in ["info", "updates", "triggers"] {
        std::fs::create_dir_all(admin.join(sub))?;
    }
    for file in ["status", "available"] {
        std::fs::write(admin.join(file), "")?;
    }
    let mut command = Command::new("dpkg");
    command.arg(format!("--root={}", root.display())).arg("--force-depends").arg("--unpack").arg(&package);
    run(command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))?;
    let listed =
        run(Command::new("dpkg-query").arg(format!("--admindir={}", admin.display())).args(["-L", "hotpair"]))?;
    ensure!(listed.lines().any(|line| line == "/usr/sbin/hbd"), "{listed}");
    std::fs::remove_dir_all(root.join("var"))?;
    run(Command::new("sh").args(["-c", "cd \"$1\" && md5sum --quiet -c \"$2\"", "sh"]).arg(&root).arg({
        // A configuration file waits under another name until the package is configured.
        let text = std::fs::read_to_string(control.join("md5sums"))?;
        let kept: String = text.lines().filter(|line| !line.contains("etc/")).flat_map(|line| [line, "\n"]).collect();
        let file = dir.path().join("md5sums");
        std::fs::write(&file, kept)?;
        file
    }))?;
    let unpacked: BTreeMap<String, u32> =
        tree(&root)?.into_iter().map(|(path, mode)| (path.trim_end_matches(".dpkg-new").to_owned(), mode)).collect();
    demand(&unpacked, true)?;
    let mode = root.join("etc/hotpair").metadata()?.permissions().mode() & 0o777;
    ensure!(mode & 0o022 == 0, "everybody may write to etc/hotpair: {mode:o}");
    run(Command::new(root.join("usr/bin/hotpair")).arg("version")).map(|_| ())
}
