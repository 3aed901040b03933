#!/usr/bin/env bash
# Runs kor-cluster from a clone or an unpacked release: `./cluster.sh create DIR`. In a clone the tool is
# built first, where it is not there yet or its sources have changed since.
set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
bin=$here/bin
tool=$bin/kor-cluster
stamp=$bin/.built

# What failed, why, and what to type next.
die() {
  printf 'error: %s\n' "$1" >&2
  printf '  why: %s\n' "$2" >&2
  printf ' next: %s\n' "$3" >&2
  exit 1
}

# The kind of change that no archive and no `cp -p` hides is that of the inode (ctime). Directories count
# too, for files that were removed. It asks no git: the directory need not be a checkout.
is_fresh() {
  local sources=() path
  [ -x "$tool" ] && [ -e "$stamp" ] || return 1
  for path in Cargo.toml Cargo.lock build.rs .cargo src contracts; do
    [ ! -e "$here/$path" ] || sources+=("$here/$path")
  done
  [ -z "$(find "${sources[@]}" -cnewer "$stamp" -print -quit)" ]
}

# Under sudo and in cron jobs the PATH lacks the directory that rustup installs into.
find_cargo() {
  command -v cargo || { [ -x "${HOME:-}/.cargo/bin/cargo" ] && echo "$HOME/.cargo/bin/cargo"; }
}

build() {
  local cargo log started=$SECONDS target=${CARGO_TARGET_DIR:-$here/target}
  cargo=$(find_cargo) || die "kor-cluster is not built yet, or its sources are newer than it" \
    "there is no cargo here to build it with" \
    "install Rust (https://rustup.rs), or put a released kor-cluster beside $here/cluster.sh"
  log=$(mktemp)
  trap 'rm -f -- "$log"' EXIT
  echo "building kor-cluster in $here (once; some minutes) …" >&2
  # Before the build: what changes while it runs is built by the next call.
  touch -- "$stamp.new"
  # In the clone's directory, so that its toolchain and cargo settings count; without the lock's
  # descriptor, for what cargo leaves running must not hold it.
  if ! (cd -- "$here" && exec "$cargo" build --release --locked --target-dir "$target" \
      --bin kor-cluster </dev/null >"$log" 2>&1 9>&-); then
    tail -n 20 -- "$log" | sed 's/^/  | /' >&2
    die "kor-cluster could not be built" "cargo's last lines are above" \
      "(cd ${here@Q} && cargo build --release --locked)"
  fi
  # By renaming: clusters' links point at this very file, and somebody may run it just now.
  cp -- "$target/release/kor-cluster" "$tool.new"
  chmod 755 -- "$tool.new"
  mv -f -- "$tool.new" "$tool"
  mv -f -- "$stamp.new" "$stamp"
  rm -f -- "$log"
  trap - EXIT
  echo "built in $((SECONDS - started)) s" >&2
}

if [ -x "$here/kor-cluster" ] && [ ! -d "$here/kor-cluster" ]; then
  tool=$here/kor-cluster
elif ! is_fresh; then
  if ! mkdir -p -- "$bin" 2>/dev/null || [ ! -w "$bin" ]; then
    die "kor-cluster is not built yet, or its sources are newer than it" "$bin cannot be written" \
      "$here/cluster.sh --version    (as the owner of that directory)"
  fi
  exec 9>"$bin/.lock"
  flock -n 9 || { echo "waiting for another build of kor-cluster …" >&2; flock 9; }
  is_fresh || build
  exec 9>&-
fi

# How it was called says which cluster is meant, so the tool is told. `bash cluster.sh` has no slash where
# the file was found in the working directory.
called=$0
case $called in
  */*) ;;
  *) [ ! -e "./$called" ] || called=./$called ;;
esac
exec -a "$called" -- "$tool" "$@"
