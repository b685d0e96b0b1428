#!/usr/bin/env bash
# Unpacks OpenSSH 10 of Debian 13 (trixie) beside the system, for the tests that
# need a newer OpenSSH than Debian 12 has: nothing is installed, and nothing but
# apt's own mirror and keys is used. Takes some 15 s and 60 MB, once.
#
# Its programs run with the loader and libraries they were built for: start them
# through bin/NAME of the directory, which stands in for usr/bin/NAME or the like.
set -euo pipefail
root=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/rforward/openssh10}
[ ! -e "$root/bin/sshd" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,root/bin} "$root"
mirror=$(apt-get indextargets --format '$(SITE)' | grep -v security | head -n 1)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror trixie main" >"$work/sources.list"
: >"$work/status"
apt=(apt-get -qq)
for option in State="$work/state" State::status="$work/status" Cache="$work/cache" \
  Etc::SourceList="$work/sources.list" Etc::SourceParts=/dev/null \
  Etc::Preferences=/dev/null Etc::PreferencesParts=/dev/null; do
  apt+=(-o "Dir::$option")
done
apt+=(-o APT::Install-Recommends=false -o APT::Sandbox::User= -o Debug::NoLocking=1)
"${apt[@]}" update
"${apt[@]}" -y --download-only install openssh-server openssh-client >/dev/null

for deb in "$work"/cache/archives/{openssh-,lib}*.deb; do
  dpkg-deb -x "$deb" "$work/root"
done
for library in lib lib64; do
  [ -e "$work/root/$library" ] || ln -s "usr/$library" "$work/root/$library"
done
loader=$(cd "$work/root" && find usr -name 'ld-linux*.so.*' | head -n 1)
libraries=$(cd "$work/root" && find usr/lib -maxdepth 1 -name '*-linux-gnu*' | head -n 1)
for program in "$work"/root/usr/{sbin/sshd,bin/ssh*,lib/openssh/ssh*}; do
  name=${program##*/}
  cat >"$work/root/bin/$name" <<EOF
#!/bin/sh
exec '$root/$loader' --library-path '$root/$libraries' '$root/${program#"$work"/root/}' "\$@"
EOF
  chmod +x "$work/root/bin/$name"
done
# Whoever looks meanwhile finds all of it or nothing.
rm -rf "$root"
mkdir -p "${root%/*}"
mv "$work/root" "$root"
