# shellcheck shell=bash
# The parts of script/test: its stages, what is installed for them, and how all is cleaned up.
# shellcheck disable=SC2154 # root, work and quick are script/test's

passed=0 failed=0 began=$SECONDS
root_label=net.coneda.kor-cluster.root

headline() { printf '\n== %s\n' "$1"; }
ended() { printf '== %s: %s in %s s\n' "$1" "$2" "$3"; }

# A check. One that fails is counted and shown, and the others still run, so that one run says all.
stage() { # NAME COMMAND…
  local name=$1 started=$SECONDS
  shift
  headline "$name"
  if "$@"; then
    ended "$name" ok "$((SECONDS - started))"
  else
    failed=$((failed + 1))
    ended "$name" FAILED "$((SECONDS - started))"
    # Nothing else can be done then.
    [ "$name" != "what is needed" ] || { summary; exit 1; }
  fi
}

# A check that runs beside others, up to `finish`.
declare -A running
begin() { # NAME COMMAND…
  local name=$1 started=$SECONDS
  shift
  ( "$@" >"$work/$name.log" 2>&1 && rc=0 || rc=$?
    echo "$((SECONDS - started))" >"$work/$name.seconds"
    exit "$rc" ) &
  running[$name]=$!
}

finish() { # NAME
  local rc=0 pid=${running[$1]}
  unset "running[$1]"
  headline "$1 (beside the others)"
  wait "$pid" || rc=$?
  cat -- "$work/$1.log"
  [ "$rc" = 0 ] || failed=$((failed + 1))
  ended "$1" "$([ "$rc" = 0 ] && echo ok || echo FAILED)" "$(cat -- "$work/$1.seconds")"
}

# Tests, counted from cargo's own lines. A run that failed without one (it did not compile, it was killed)
# counts as one failure.
tests() { # NAME COMMAND…
  local name=$1 started=$SECONDS rc=0 good bad
  shift
  headline "$name"
  "$@" 2>&1 | tee -- "$work/tests.log" || rc=$?
  good=$(sum passed)
  bad=$(sum failed)
  if [ "$rc" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
  passed=$((passed + good))
  failed=$((failed + bad))
  ended "$name" "$([ "$bad" = 0 ] && echo "$good passed" || echo "FAILED ($good passed, $bad failed)")" \
    "$((SECONDS - started))"
}

sum() { # passed|failed
  awk -v what="$1" '/^test result:/ { for (i = 2; i <= NF; i++) if (index($i, what) == 1) n += $(i - 1) }
    END { print n + 0 }' "$work/tests.log"
}

summary() {
  headline "all in $((SECONDS - began)) s"
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

prepare() {
  # zstd and tar open the snapshots that the tests make.
  need_programs curl=curl git=git awk=mawk zstd=zstd tar=tar
  need_certificates
  need_rust
  need_programs cargo-fmt=rustfmt-web cargo-clippy=rust-web-clippy
  # It is called by its name, and a name can stand for a program that is not there.
  shellcheck --version >/dev/null 2>&1 || ! can_install || install_packages shellcheck || true
  if [ -n "$quick" ]; then return; fi
  need_engine
  # A disk that is full, and an engine of the tests' own.
  need_programs mkfs.ext4=e2fsprogs ip=iproute2 unshare=util-linux
  # A registry of the tests' own, with a login.
  without_services need_programs docker-registry=docker-registry htpasswd=apache2-utils
  docker image inspect debian:bookworm-slim >/dev/null 2>&1 || ! can_install ||
    need_programs mmdebstrap=mmdebstrap
}

# Every file that a shell runs, found by its first line.
shell_scripts() {
  local scripts=()
  if ! shellcheck --version >/dev/null 2>&1; then
    echo "left out: there is no shellcheck here (Debian package: shellcheck)"
    return
  fi
  mapfile -d '' -t scripts < <(find . \( -path ./target -o -path ./.git -o -path ./bin \) -prune -o -type f \
    -exec awk 'FNR == 1 { if (/^#!.*[\/ ](ba)?sh( |$)|^# shellcheck shell=/) printf "%s%c", FILENAME, 0; nextfile }' {} +)
  shellcheck -x -P SCRIPTDIR -- "${scripts[@]}" && echo "${#scripts[@]} scripts"
}

licences() {
  if ! have cargo-deny; then
    echo "left out: there is no cargo-deny here (cargo install --locked cargo-deny takes minutes)"
    return
  fi
  # What the crates are, not what is known about them: that needs the network, and changes by itself.
  cargo deny --offline --locked check licenses bans sources
}

# All test targets but those that need an engine.
test_targets() {
  local file
  for file in tests/*.rs tests/*/main.rs; do
    [ -e "$file" ] || continue
    file=${file#tests/}
    file=${file%/main.rs}
    file=${file%.rs}
    [ "$file" = engine ] || printf '%s\n' --test "$file"
  done
}

# What the tests on the engine left, if they were killed: what carries a label with a directory of theirs
# that nobody uses any more.
clean_up() {
  local pid
  trap - EXIT
  with_services
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
  if [ -z "$quick" ] && engine_answers; then sweep; fi
  forget_own_engine
  rm -rf -- "$work"
}

sweep() {
  local kind id place list
  for kind in container network; do
    list=(network ls -q)
    [ "$kind" = network ] || list=(ps -aq)
    while read -r id; do
      if [ "$kind" = network ]; then place=$(docker network inspect -f "{{index .Labels \"$root_label\"}}" "$id" 2>/dev/null)
      else place=$(docker container inspect -f "{{index .Config.Labels \"$root_label\"}}" "$id" 2>/dev/null); fi || continue
      is_left_over "$place" || continue
      if [ "$kind" = network ]; then docker network rm "$id"; else docker rm -fv "$id"; fi >/dev/null 2>&1 || true
    done < <(docker "${list[@]}" --filter "label=$root_label")
  done
}

# Of this run, or of one whose process is gone: the tests name their directory after it.
is_left_over() { # DIRECTORY
  local pid
  case $1 in
    "$work"/*) return 0 ;;
    /tmp/kct-*) pid=${1#/tmp/kct-}; [ ! -e "/proc/${pid%%/*}" ] ;;
    *) return 1 ;;
  esac
}
