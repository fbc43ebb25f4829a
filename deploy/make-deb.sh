#!/usr/bin/env bash
# Builds a Debian package with dpkg-deb alone: deploy/make-deb.sh DIRECTORY-OF-BINARIES OUTPUT-DIRECTORY
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binaries=${1:?usage: make-deb.sh DIRECTORY-OF-BINARIES OUTPUT-DIRECTORY}
output=${2:?usage: make-deb.sh DIRECTORY-OF-BINARIES OUTPUT-DIRECTORY}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml")
arch=$(dpkg --print-architecture)
: "${version:?no version in Cargo.toml}"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 0755 "$tree"

"$here/install.sh" "$binaries" "$tree" /usr
find "$tree/usr/share/man" -type f -exec gzip -9n {} +
install -d "$tree/DEBIAN"
# The C library of the build machine is the oldest one promised to work.
libc=$(dpkg-query -W -f '${Version}' libc6 2>/dev/null | sed 's/-.*//')
size=$(du -sk --exclude=DEBIAN "$tree" | cut -f1)

cat > "$tree/DEBIAN/control" <<EOF
Package: hotpair
Version: $version
Architecture: $arch
Maintainer: hotpair developers <hotpair@localhost>
Installed-Size: $size
Depends: libc6 (>= ${libc:-2.36})
Recommends: systemd, iproute2, e2fsprogs
Suggests: resource-agents, xfsprogs
Section: admin
Priority: optional
Description: hot standby for a pair of Linux servers
 Two servers watch each other over several independent paths (network, serial
 line). When, and only when, one has failed, the other takes over its addresses,
 volumes and programs. Every decision can be explained, and what the
 configuration guarantees is stated.
EOF
echo /etc/hotpair/hotpair.toml.example > "$tree/DEBIAN/conffiles"
for script in postinst prerm postrm; do
  install -m 0755 "$here/debian/$script" "$tree/DEBIAN/$script"
done
(cd "$tree" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) > "$tree/DEBIAN/md5sums"
chmod 0644 "$tree/DEBIAN/md5sums" "$tree/DEBIAN/conffiles" "$tree/DEBIAN/control"

mkdir -p "$output"
package="$output/hotpair_${version}_$arch.deb"
dpkg-deb --root-owner-group --build "$tree" "$package" >/dev/null
echo "$package"
