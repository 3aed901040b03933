# shellcheck shell=bash
# The parts of script/demo: images, sample content, the check of the page, taking all away again.
# shellcheck disable=SC2154 # root, place, name, cluster, instance and have_app are script/demo's

database_image=mariadb:10.11
search_image=elasticsearch:5.6.16
version=v5.0.1
upstream=https://github.com/coneda/kor.git
root_label=net.coneda.kor-cluster.root
recipe_label=net.coneda.kor-cluster.recipe

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# Asked once, by what answers in seconds: a pull that cannot succeed would take minutes to say so.
registry_reached=
registry_answers() {
  if [ -z "$registry_reached" ]; then
    registry_reached=no
    ! curl -sS -o /dev/null --connect-timeout 5 -m 8 https://registry-1.docker.io/v2/ 2>/dev/null ||
      registry_reached=yes
  fi
  [ "$registry_reached" = yes ]
}

pull() { # IMAGE
  registry_answers || return 1
  say "pulling $1 …"
  timeout 600 docker pull -q "$1" >/dev/null 2>&1
}

# Images of the services and of the application. It runs beside the build of the tool and leaves the
# application's repository in a file.
get_images() { # FILE
  local image wanted=()
  for image in "$database_image" "$search_image"; do
    has_image "$image" || pull "$image" || wanted+=("${image%%:*}")
  done
  if has_image "coneda/kor:$version" || pull "coneda/kor:$version" || build_upstream; then
    echo coneda/kor >"$1"
  else
    has_image "kor-sample:$version" || wanted+=(kor-sample "$version")
    echo kor-sample >"$1"
  fi
  [ "${#wanted[@]}" = 0 ] || "$root/images/build" "${wanted[@]}"
}

# Upstream publishes no image, but its source tree has what builds one.
build_upstream() {
  local source rc=0
  GIT_TERMINAL_PROMPT=0 timeout 10 git ls-remote --exit-code "$upstream" "refs/tags/$version" >/dev/null 2>&1 ||
    return 1
  source=$(mktemp -d)
  say "building coneda/kor:$version from $upstream (some minutes) …"
  GIT_TERMINAL_PROMPT=0 quietly timeout 300 git clone -q --depth 1 --branch "$version" "$upstream" "$source" &&
    quietly timeout 1800 docker build --network host --label "$recipe_label=upstream" \
      -t "coneda/kor:$version" "$source" || rc=1
  rm -rf -- "$source"
  [ "$rc" = 0 ] || say "ConedaKOR itself could not be built; the sample application takes its place"
  return "$rc"
}

# Rows of the instance's database, without a password in any argument.
sql() { "$instance" --quiet db "$1" </dev/null; }

entities() { sql 'select count(*) from entities' | grep -Eo '[0-9]+' | tail -n 1; }

busy_media() {
  sql 'select count(*) from media where image_processing or document_processing' | grep -Eo '[0-9]+' | tail -n 1
}

# import-test-data fills the tables and then waits for ever, so it is ended once they do not grow any more
# and every picture is done.
fill() {
  local job before=0 now=0 calm=0 i
  say "filling it with sample content …"
  job=$("$instance" --json job 'timeout 300 bundle exec bin/kor import-test-data' |
    sed -n 's/.*"container": *"\([^"]*\)".*/\1/p')
  for ((i = 0; i < 240 && calm < 4; i++)); do
    sleep 1
    now=$(entities)
    if [ "${now:-0}" -gt 0 ] && [ "$now" = "$before" ] && [ "$(busy_media)" = 0 ]; then
      calm=$((calm + 1))
    else
      calm=0
    fi
    before=$now
    ! grep -qs 'test data is there' "$place/instances/demo/log/jobs.log" || break
    [ "$(docker inspect -f '{{.State.Running}}' "$job" 2>/dev/null)" = true ] || break
  done
  docker rm -f "$job" >/dev/null 2>&1 || true
  [ "${now:-0}" -gt 0 ] || now=$(entities)
  [ "${now:-0}" -gt 0 ] || die "the sample content did not arrive" \
    "$place/instances/demo/log/jobs.log says why" "script/demo --down && script/demo"
  # Documents that were written first know no neighbours yet.
  "$instance" --quiet run_headless 'bundle exec bin/kor index-all' >&2
}

# One address of the page; its body on standard output.
get() { # PATH [CURL ARGUMENT…]
  local path=$1
  shift
  curl -sS -m 20 --fail -b "$jar" -c "$jar" "$@" "$base/$path"
}

broken() {
  die "$1" "$2" "$instance logs    (then: script/demo)"
}

# What a visitor's browser does: the page, every script and style it names, the login, a search.
check_page() {
  local page file asset found term checked=0
  file=$(mktemp)
  jar=$(mktemp)
  get "" >"$file" || broken "the page does not answer" "GET $base/ failed"
  page=$(tr '\n' ' ' <"$file")
  while read -r asset; do
    [ -n "$asset" ] || continue
    case $asset in
      *://* | //*) continue ;; # not of this server
    esac
    asset=${asset#/}
    if ! get "${asset#./}" >"$file" || [ ! -s "$file" ]; then
      broken "the page is incomplete" "GET $base/$asset failed"
    fi
    checked=$((checked + 1))
  done < <(assets "$page")
  [ "$checked" -gt 0 ] || broken "the page is incomplete" "it names no script and no style"
  # The password goes through standard input: arguments can be read by everybody on the host.
  printf '{"username":"admin","password":"%s"}' "$(password)" |
    get login -H 'content-type: application/json' --data @- >/dev/null ||
    broken "the login does not work" "POST $base/login as admin failed"
  term=$(sql "select name from entities where name <> '' and medium_id is null order by id limit 1" | tail -n 1)
  found=$(get entities -G --data-urlencode "terms=$term") || broken "the search does not answer" \
    "GET $base/entities?terms=$term failed"
  [[ $found == *"\"$term\""* ]] || broken "the search does not find a sample entity" "it was asked for $term"
  rm -f -- "$file" "$jar"
  say "checked: the page, $checked scripts and styles, the login; a search for '$term' finds it"
}

# Addresses of scripts and of style sheets in a page that is one line.
assets() {
  grep -Eo '<(script|link)[^>]*>' <<<"$1" | grep -Ei '^<script|rel="?stylesheet' |
    sed -nE 's/.* (src|href)="?([^" >]+).*/\2/p'
}

password() { cat -- "$place/instances/demo/admin_password"; }

# Containers and networks by their label, so that it works with a demo that never came up, too.
take_down() {
  local ids
  if engine_answers; then
    mapfile -t ids < <(docker ps -aq --filter "label=$root_label=$place")
    [ "${#ids[@]}" = 0 ] || docker rm -fv "${ids[@]}" >/dev/null
    mapfile -t ids < <(docker network ls -q --filter "label=$root_label=$place")
    [ "${#ids[@]}" = 0 ] || docker network rm "${ids[@]}" >/dev/null
  fi
  remove_directory
  strike_from_registry
}

# The services' files belong to users of their containers: who is not root removes them through one.
remove_directory() {
  rm -rf -- "$place" 2>/dev/null || true
  [ -e "$place" ] || return 0
  docker run --rm --network none --user 0 --entrypoint rm -v "$(dirname -- "$place"):/above" \
    "$database_image" -rf -- "/above/$(basename -- "$place")" || true
  [ ! -e "$place" ] || die "$place could not be removed" "files in it belong to others" "sudo rm -rf $place"
}

strike_from_registry() {
  local state
  if [ -n "${KOR_CLUSTER_STATE:-}" ]; then
    state=$KOR_CLUSTER_STATE
  elif [ "$(id -u)" = 0 ]; then
    state=/var/lib/kor-cluster
  else
    state=${XDG_STATE_HOME:-$HOME/.local/state}/kor-cluster
  fi
  [ "$(readlink -- "$state/clusters/$name" 2>/dev/null)" != "$place" ] || rm -f -- "$state/clusters/$name"
}

# Those that were built here carry a label; the public ones of the same names stay.
remove_images() {
  local image
  for image in "coneda/kor:$version" "kor-sample:$version" "$search_image" "$database_image" debian:bookworm-slim; do
    docker image inspect -f '{{json .Config.Labels}}' "$image" 2>/dev/null | grep -qF "\"$recipe_label\"" || continue
    if docker image rm "$image" >/dev/null 2>&1; then say "removed the image $image"
    else say "the image $image is in use by others; it stays"; fi
  done
}
