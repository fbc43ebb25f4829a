#!/usr/bin/env bash
# Installs hotpair: deploy/install.sh DIRECTORY-OF-BINARIES [DESTDIR] [PREFIX]
#
# Copies only; users, directories and services are made by systemd-sysusers, systemd-tmpfiles and systemctl, which this
# names at the end. With DESTDIR (a package's tree) nothing outside of it is touched.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binaries=${1:?usage: install.sh DIRECTORY-OF-BINARIES [DESTDIR] [PREFIX]}
destdir=${2:-}
prefix=${3:-/usr}
root="$destdir$prefix"

for program in hotpair hbd arbiterd resd; do
  if [ ! -x "$binaries/$program" ]; then
    echo "install.sh: $binaries/$program is not there; build it first: make release" >&2
    exit 1
  fi
done

install -d "$root/bin" "$root/sbin" "$root/share/man/man1" "$root/share/man/man5" "$root/share/man/man8" "$root/lib/systemd/system" \
  "$root/lib/sysusers.d" "$root/lib/tmpfiles.d" "$root/share/doc/hotpair" "$root/share/bash-completion/completions" \
  "$root/share/zsh/vendor-completions" "$root/share/fish/vendor_completions.d" "$destdir/etc/hotpair"

# Renamed into place, so that a running daemon keeps the file it was started from.
put() { # mode, source, target
  install -m "$1" "$2" "$3.new"
  mv -f "$3.new" "$3"
}
put 0755 "$binaries/hotpair" "$root/bin/hotpair"
for daemon in hbd arbiterd resd; do
  put 0755 "$binaries/$daemon" "$root/sbin/$daemon"
done

for unit in hotpair.target hbd.service arbiterd.service resd.service hotpair-witness.service; do
  sed "s|^ExecStart=/usr/sbin/|ExecStart=$prefix/sbin/|" "$here/systemd/$unit" > "$root/lib/systemd/system/$unit"
  chmod 0644 "$root/lib/systemd/system/$unit"
done
install -m 0644 "$here/hotpair.sysusers.conf" "$root/lib/sysusers.d/hotpair.conf"
install -m 0644 "$here/hotpair.tmpfiles.conf" "$root/lib/tmpfiles.d/hotpair.conf"

install -m 0644 "$here/hotpair.toml.example" "$destdir/etc/hotpair/hotpair.toml.example"
install -m 0644 "$here/hotpair.toml.example.zh-CN" "$root/share/doc/hotpair/hotpair.toml.example.zh-CN"
for page in "$here"/../{README,README.zh-CN,CHANGELOG,ARCHITECTURE}.md "$here"/../docs/*.md; do
  [ ! -f "$page" ] || install -m 0644 "$page" "$root/share/doc/hotpair/"
done

install -m 0644 "$here/hotpair.toml.5" "$root/share/man/man5/hotpair.toml.5"
"$binaries/hotpair" man "$root/share/man/man1"
mv "$root/share/man/man1/"*.8 "$root/share/man/man8/"
"$binaries/hotpair" completions bash > "$root/share/bash-completion/completions/hotpair"
"$binaries/hotpair" completions zsh > "$root/share/zsh/vendor-completions/_hotpair"
"$binaries/hotpair" completions fish > "$root/share/fish/vendor_completions.d/hotpair.fish"

if [ -z "$destdir" ]; then
  cat <<EOF
hotpair is installed below $prefix. Next, as root:
  systemd-sysusers $prefix/lib/sysusers.d/hotpair.conf && systemd-tmpfiles --create $prefix/lib/tmpfiles.d/hotpair.conf
  hotpair init                           (then copy /etc/hotpair to the other node)
  hotpair check
  systemctl daemon-reload && systemctl enable --now hbd arbiterd resd hotpair.target
EOF
fi
