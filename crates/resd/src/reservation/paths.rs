//! The paths to the disks below a device: every one has to be registered, because a registration belongs to a path.
//!
//! Read from /sys/class/block: a partition stands for its disk, a multipath device or a logical volume for everything it
//! consists of, a disk for itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Deeper stacks than this do not exist; a loop in /sys must not catch us.
const DEPTH: u32 = 8;

/// All paths below `device` (a node of /dev, links followed), in a fixed order; at least one.
///
/// # Errors
/// In words.
pub fn paths(device: &Path) -> Result<Vec<PathBuf>, String> {
    below(device, Path::new("/sys/class/block"), Path::new("/dev"))
}

fn below(device: &Path, sys: &Path, dev: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = device.display();
    let real = std::fs::canonicalize(device).map_err(|e| format!("{shown}: {e}"))?;
    let name = real.file_name().and_then(|n| n.to_str()).ok_or_else(|| format!("{shown} is no device"))?;
    let mut found = BTreeSet::new();
    collect(name, sys, DEPTH, &mut found);
    Ok(found.into_iter().map(|name| dev.join(name)).collect())
}

fn collect(name: &str, sys: &Path, depth: u32, found: &mut BTreeSet<String>) {
    let place = sys.join(name);
    let slaves = std::fs::read_dir(place.join("slaves")).into_iter().flatten().flatten();
    let slaves: Vec<String> = slaves.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    if !slaves.is_empty() && depth > 0 {
        for slave in slaves {
            collect(&slave, sys, depth - 1, found);
        }
        return;
    }
    // A partition's directory lies in its disk's.
    let disk = place
        .join("partition")
        .exists()
        .then(|| std::fs::canonicalize(&place).ok())
        .flatten()
        .and_then(|real| Some(real.parent()?.file_name()?.to_str()?.to_string()));
    found.insert(disk.unwrap_or_else(|| name.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    /// Every path of a multipath disk, also below a partition or a logical volume on it.
    #[test]
    fn everything_below_a_device() {
        let dir = tempfile::tempdir().unwrap();
        let (sys, dev) = (dir.path().join("class"), dir.path().join("dev"));
        create_dir_all(&dev).unwrap();
        create_dir_all(&sys).unwrap();
        for disk in ["sda", "sdb", "dm-0", "dm-1", "loop3"] {
            let real = dir.path().join("devices").join(disk);
            create_dir_all(real.join("slaves")).unwrap();
            symlink(&real, sys.join(disk)).unwrap();
            write(dev.join(disk), "").unwrap();
        }
        let part = dir.path().join("devices/sda/sda1");
        create_dir_all(&part).unwrap();
        write(part.join("partition"), "1").unwrap();
        symlink(&part, sys.join("sda1")).unwrap();
        write(dev.join("sda1"), "").unwrap();
        for slave in ["sda", "sdb"] {
            write(dir.path().join("devices/dm-0/slaves").join(slave), "").unwrap();
        }
        write(dir.path().join("devices/dm-1/slaves/dm-0"), "").unwrap();
        symlink(dev.join("dm-1"), dev.join("data")).unwrap();
        let of = |name: &str| -> Vec<String> {
            let found = below(&dev.join(name), &sys, &dev).unwrap();
            found.iter().map(|p| p.file_name().unwrap().to_str().unwrap().to_string()).collect()
        };
        assert_eq!(of("data"), ["sda", "sdb"]);
        assert_eq!(of("dm-0"), ["sda", "sdb"]);
        assert_eq!(of("sda1"), ["sda"]);
        assert_eq!(of("loop3"), ["loop3"]);
        assert!(below(&dev.join("nothing"), &sys, &dev).is_err());
    }
}
