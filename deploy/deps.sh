#!/usr/bin/env bash
# Installs the Debian packages that building, the demonstration and the tests need, and says so. Does nothing if all are there.
set -euo pipefail

declare -A package_of=(
  [gcc]=gcc [ip]=iproute2 [nft]=nftables [nsenter]=util-linux [mkfs.ext4]=e2fsprogs [mkfs.xfs]=xfsprogs
  [socat]=socat [tcpdump]=tcpdump [python3]=python3 [pip3]=python3-pip [dbus-daemon]=dbus [ps]=procps [curl]=curl
  [ping]=iputils-ping [strip]=binutils [setpriv]=util-linux [losetup]=mount
  [fence_dummy]=fence-agents
  [etcd]=etcd-server [etcdctl]=etcd-client [openssl]=openssl
)
missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || [ -x "/sbin/$program" ] || missing+=("${package_of[$program]}")
done
# A module rather than a program: Debian's Python comes without what `python3 -m venv` needs.
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ "${#missing[@]}" -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "hotpair: please install: ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "hotpair: not root; please install: ${missing[*]}" >&2
  exit 1
fi
echo "hotpair: installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Debian starts a service as it is installed; the tests' etcd is one of their own (invoke-rc.d(8) knows this variable).
export RUNLEVEL=1
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
