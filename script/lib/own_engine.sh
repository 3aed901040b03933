# shellcheck shell=bash
# A container engine of a script's own, where the one that is there lets a process keep the files of its
# containers (fuse-overlayfs) though the kernel could. Each file that is looked for is a question to that
# process then: on a busy machine of two processors a start of Ruby took 8 s with it and 1.5 s without.
# Whoever reads this file in has read common.sh, and `work` is a directory of the script's.
# shellcheck disable=SC2154

own_engine_wanted() {
  [ "$(id -u)" = 0 ] && have dockerd && have unshare && have ip &&
    [ "$(docker info -f '{{.Driver}}' 2>/dev/null)" = fuse-overlayfs ] && kernel_overlays
}

# Tried in namespaces of its own, in the directory where the engine's data would be.
kernel_overlays() {
  local place=$work/overlay rc=0
  mkdir -p -- "$place"/{lower,upper,work,merged}
  unshare --net --pid --mount --fork mount -t overlay none \
    -o "lowerdir=$place/lower,upperdir=$place/upper,workdir=$place/work" "$place/merged" 2>/dev/null || rc=$?
  rm -rf -- "$place"
  return "$rc"
}

# Runs a command with the images that there are, and with such an engine if one is wanted. Nothing is left of
# that engine, nor of what ran in it.
with_own_engine() { # COMMAND…
  # Whoever begins again there has not to do so once more, whichever engine it is.
  local -x KOR_OWN_ENGINE=decided
  if ! own_engine_wanted; then "$@"; return; fi
  local rc=0
  # Tests go there as somebody else too.
  chmod 711 -- "$work"
  # It ends with this shell, and all in its namespaces with it.
  setpriv --pdeathsig KILL unshare --net --pid --mount --fork --kill-child=KILL --mount-proc \
    "$root/script/lib/in-own-engine" "$work" "$@" || rc=$?
  if [ ! -e "$work/engine/up" ]; then
    echo "an engine of its own does not come up (why is above); going on with the one that is there" >&2
    rc=0
    "$@" || rc=$?
  fi
  forget_own_engine
  return "$rc"
}

# What such an engine leaves, however it ended.
forget_own_engine() {
  find /sys/fs/cgroup -depth -type d -path "*/${work##*/}*" -exec rmdir {} + 2>/dev/null || true
  rm -rf -- "$work/engine"
}
