# shellcheck shell=bash
# What the scripts have in common: how they speak, and what they install where it is missing.
# `root` is the repository's directory; whoever reads this file in sets it first.

# shellcheck disable=SC2269
root=$root

say() { printf '%s\n' "$*" >&2; }

# What failed, why, and what to type next.
die() {
  printf 'error: %s\n  why: %s\n next: %s\n' "$1" "$2" "$3" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Shows what a command printed only where it fails.
quietly() {
  local log rc=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || rc=$?
  [ "$rc" = 0 ] || tail -n 20 -- "$log" | sed 's/^/  | /' >&2
  rm -f -- "$log"
  return "$rc"
}

can_install() { [ "$(id -u)" = 0 ] && have apt-get; }

# Lists that are there may still be stale, so a failed install is tried again with fresh ones.
apt_lists_are_fresh=
apt_update() {
  [ -z "$apt_lists_are_fresh" ] || return 0
  # A foreign source that cannot be reached must not hold Debian's own up.
  quietly apt-get update || say "apt-get update failed (above); going on with the lists there are"
  apt_lists_are_fresh=1
}

install_packages() { # PACKAGE…
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@")
  say "installing $* …"
  if [ -n "$apt_lists_are_fresh" ] || ! "${install[@]}" >/dev/null 2>&1 </dev/null; then
    apt_update
    quietly "${install[@]}"
  fi
}

# Programs and the packages that have them: PROGRAM=PACKAGE…
need_programs() {
  local pair missing=()
  for pair; do
    have "${pair%%=*}" || [[ " ${missing[*]} " == *" ${pair#*=} "* ]] || missing+=("${pair#*=}")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  can_install || die "missing: ${missing[*]} (Debian's package names)" \
    "they can be installed from here only as root on Debian" "sudo apt-get install ${missing[*]}"
  install_packages "${missing[@]}" || die "${missing[*]} could not be installed" \
    "apt-get says why, above" "apt-get install ${missing[*]}"
}

# Installs without starting what the packages would start; the tests start their own.
own_policy=
without_services() { # COMMAND…
  local rc=0
  if [ ! -e /usr/sbin/policy-rc.d ] && can_install; then
    own_policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$own_policy"
    chmod 755 "$own_policy"
  fi
  "$@" || rc=$?
  with_services
  return "$rc"
}

# Takes back what the above put there; also called at the end of a script, however that ends.
with_services() {
  [ -z "$own_policy" ] || rm -f -- "$own_policy"
  own_policy=
}

engine_answers() { have docker && timeout 20 docker version >/dev/null 2>&1; }

# A bare Debian trusts nobody yet: no registry could be asked.
need_certificates() {
  [ ! -e /etc/ssl/certs/ca-certificates.crt ] && can_install || return 0
  install_packages ca-certificates || true
}

# Docker: installed where it is missing, started where it does not run.
need_engine() {
  engine_answers && return
  # iptables, git and CA certificates are but recommended by docker.io.
  need_programs dockerd=docker.io docker=docker.io iptables=iptables
  engine_answers && return
  [ "$(id -u)" = 0 ] || die "the container engine does not answer" \
    "it does not run, or you may not use it" "sudo $0    (or: sudo systemctl start docker)"
  if [ -d /run/systemd/system ]; then
    quietly systemctl start docker || true
  else
    start_dockerd
  fi
  local i
  for ((i = 0; i < 60; i++)); do
    engine_answers && return
    sleep 1
  done
  [ ! -f "$dockerd_log" ] || tail -n 15 -- "$dockerd_log" | sed 's/^/  | /' >&2
  die "the container engine does not come up" "its last lines are above, in $dockerd_log" \
    "dockerd    (in a terminal of its own, to see what it says)"
}

# Where no systemd runs, nobody else starts it. It goes on when the script is over.
dockerd_log=/var/log/dockerd.log
start_dockerd() {
  say "starting dockerd (its log: $dockerd_log) …"
  mount_cgroups
  rm -f /var/run/docker.pid
  setsid dockerd >>"$dockerd_log" 2>&1 </dev/null &
  disown
}

# A bare container or chroot has no control groups mounted; runc starts nothing without them.
mount_cgroups() {
  [ -d /sys/fs/cgroup ] && ! mountpoint -q /sys/fs/cgroup || return 0
  mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null || true
}

# The oldest Rust that the tool is built with.
oldest_rust() { sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$root/Cargo.toml"; }

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; } # VERSION OLDEST

rust_is_new_enough() {
  local found
  have cargo || return 1
  # Asked in the repository: a toolchain file there would count.
  found=$(cd -- "$root" && cargo --version 2>/dev/null | cut -d' ' -f2) || return 1
  [ -n "$found" ] && at_least "$found" "$(oldest_rust)"
}

# cargo, new enough: from rustup where it can be reached, else from Debian's packages.
need_rust() {
  [ ! -d "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin" ] || PATH=${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH
  need_programs cc=gcc
  need_certificates
  rust_is_new_enough && return
  need_programs curl=curl
  rust_by_rustup && rust_is_new_enough && return
  rust_by_apt && rust_is_new_enough && return
  die "there is no Rust $(oldest_rust) or newer, and none could be installed" \
    "rustup's server cannot be reached, and no package here is new enough" \
    "install Rust from https://rustup.rs, then: $0"
}

rust_by_rustup() {
  local installer
  if have rustup; then
    say "updating Rust with rustup …"
    quietly timeout 600 rustup toolchain install stable --profile minimal -c clippy -c rustfmt || return 1
    quietly rustup default stable
    return
  fi
  # Two toolchains of one name would shadow each other.
  installer=$(mktemp)
  if curl -sSf --proto '=https' --connect-timeout 8 -m 60 -o "$installer" https://sh.rustup.rs 2>/dev/null; then
    say "installing Rust with rustup …"
    quietly timeout 600 sh "$installer" -y --no-modify-path --profile minimal -c clippy -c rustfmt ||
      { rm -f -- "$installer"; return 1; }
    PATH=${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH
  fi
  rm -f -- "$installer"
  have cargo
}

# Debian's stable cargo is old; `cargo-web`, made for building browsers, follows upstream.
rust_by_apt() {
  local package candidate
  can_install || return 1
  apt_update
  for package in cargo cargo-web; do
    candidate=$(apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p')
    if [ -z "$candidate" ] || ! at_least "$candidate" "$(oldest_rust)"; then continue; fi
    install_packages "$package" "rustc${package#cargo}" libc6-dev || return 1
    return
  done
  return 1
}
