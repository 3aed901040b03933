#!/bin/bash
# Starts MariaDB the way the public image does. A first start differs in one thing: all is prepared in a
# directory of its own and put in place at the end, so that a kill at any moment leaves either no
# database (the next start begins anew) or a whole one with its password.
set -euo pipefail

say()  { printf '%s [%s] [Entrypoint]: %s\n' "$(date +'%F %T')" "$1" "$2" >&2; }
note() { say Note "$*"; }
die()  { say ERROR "$*"; exit 1; }

# VAR, or the content of the file that VAR_FILE names; the MYSQL_ name counts where there is no
# MARIADB_ one.
setting() { # NAME without its prefix; the answer is in $value
  local prefix var file
  value=
  for prefix in MARIADB MYSQL; do
    var=${prefix}_$1 file=${prefix}_$1_FILE
    [ -z "${!var:-}" ] || [ -z "${!file:-}" ] || die "both $var and $file are set; only one can be"
    if [ -n "${!var:-}" ]; then value=${!var}; return; fi
    if [ -n "${!file:-}" ]; then
      [ -r "${!file}" ] || die "$file: cannot read ${!file}"
      value=$(<"${!file}")
      return
    fi
  done
}

sql_string() { # the value as the inside of a quoted SQL string
  local s=${1//\\/\\\\}
  printf '%s' "${s//\'/\\\'}"
}

# What the server would use, from its arguments or else from its configuration files.
server_option() { # NAME DEFAULT ARGS...
  local name=$1 found=$2 arg next=
  shift 2
  while IFS= read -r arg; do
    case $arg in --"$name"=*) found=${arg#*=} ;; esac
  done < <(my_print_defaults --mysqld)
  for arg; do
    if [ -n "$next" ]; then found=$arg next=; continue; fi
    case $arg in
      --"$name"=*) found=${arg#*=} ;;
      --"$name")   next=1 ;;
    esac
  done
  printf '%s' "${found%/}"
}

# Makes a command run as the server's user where we are root. A prefix and no function: a function in the
# background is a shell of its own, which would get the signals that are meant for the server.
as_mysql=()
[ "$(id -u)" != 0 ] || as_mysql=(setpriv --reuid=mysql --regid=mysql --init-groups --inh-caps=-all)

# Moves a finished first set-up to its place, `mysql` last: that directory is what says that a database
# is there. Works as well for what a kill left half moved.
put_in_place() {
  local entry
  for entry in "$done_dir"/* "$done_dir"/.[!.]*; do
    [ -e "$entry" ] || continue
    [ "${entry##*/}" = mysql ] || mv -T -- "$entry" "$datadir/${entry##*/}"
  done
  sync -f "$datadir"
  [ ! -e "$done_dir/mysql" ] || mv -T -- "$done_dir/mysql" "$datadir/mysql"
  rmdir "$done_dir"
  sync -f "$datadir"
}

first_setup() {
  local root_password root_host empty='' pid i

  for i in DATABASE USER PASSWORD; do
    setting "$i"
    [ -z "$value" ] || note "this image makes no database and no user: *_$i is not used"
  done
  setting ROOT_HOST; root_host=${value:-%}
  setting ALLOW_EMPTY_ROOT_PASSWORD; [ -n "$value" ] || setting ALLOW_EMPTY_PASSWORD
  empty=$value
  setting ROOT_PASSWORD; root_password=$value
  setting RANDOM_ROOT_PASSWORD
  if [ -n "$value" ]; then
    root_password=$(head -c 24 /dev/urandom | base64 | tr '+/' 'xy')
    note "GENERATED ROOT PASSWORD: $root_password"
  elif [ -z "$root_password" ] && [ -z "$empty" ]; then
    die "no root password: set MARIADB_ROOT_PASSWORD_FILE, MARIADB_ROOT_PASSWORD," \
      "MARIADB_RANDOM_ROOT_PASSWORD or MARIADB_ALLOW_EMPTY_ROOT_PASSWORD"
  fi
  setting INITDB_SKIP_TZINFO
  local skip_tz=$value

  # Nobody needs what is written here before it is whole, so single writes need not wait for the disk;
  # one sync before the end makes up for it.
  local fast=eatmydata
  command -v eatmydata >/dev/null || fast=

  note "Initializing database files"
  rm -rf -- "$init_dir"
  mkdir -m 755 -- "$init_dir"
  [ "$(id -u)" != 0 ] || chown mysql:mysql -- "$init_dir"
  local log
  if ! log=$("${as_mysql[@]}" $fast mariadb-install-db "${args[@]:1}" --datadir="$init_dir" --skip-test-db \
      --auth-root-authentication-method=normal --cross-bootstrap --skip-log-bin \
      --skip-name-resolve 2>&1 </dev/null); then
    printf '%s\n' "$log" >&2
    die "the database files could not be made"
  fi

  note "Starting temporary server"
  # The socket lies where clients look for it, as with the public image: readiness is an answer over TCP.
  "${as_mysql[@]}" $fast "${args[@]}" --datadir="$init_dir" --socket="$socket" --skip-networking \
    --skip-log-bin --skip-slave-start --default-time-zone=SYSTEM --wsrep-on=OFF \
    --expire-logs-days=0 --loose-innodb-buffer-pool-load-at-startup=0 \
    --loose-innodb-buffer-pool-dump-at-shutdown=0 </dev/null &
  pid=$!
  for ((i = 0; ; i++)); do
    mariadb-admin --no-defaults --socket="$socket" -uroot ping >/dev/null 2>&1 && break
    kill -0 "$pid" 2>/dev/null || die "the temporary server did not start"
    [ "$i" -lt 1200 ] || die "the temporary server does not answer"
    sleep 0.05
  done

  # Over standard input: arguments can be seen by every process of the host.
  local pw host
  pw=$(sql_string "$root_password")
  host=$(sql_string "$root_host")
  {
    printf '%s\n' "SET SESSION sql_mode = '';"
    [ -n "$skip_tz" ] || cat /usr/local/share/timezones.sql
    printf '%s\n' \
      "DROP USER IF EXISTS root@'127.0.0.1', root@'::1';" \
      "DROP DATABASE IF EXISTS test;" \
      "ALTER USER root@localhost IDENTIFIED VIA mysql_native_password USING PASSWORD('$pw');"
    [ "$root_host" = localhost ] || printf '%s\n' \
      "CREATE USER 'root'@'$host' IDENTIFIED BY '$pw';" \
      "GRANT ALL ON *.* TO 'root'@'$host' WITH GRANT OPTION;"
  } | mariadb --no-defaults --binary-mode --default-character-set=utf8mb4 --socket="$socket" -uroot mysql \
    || die "the temporary server did not take the first settings"

  note "Stopping temporary server"
  kill "$pid"
  wait "$pid" || die "the temporary server did not stop cleanly"
  sync -f "$init_dir"
  # From here on the set-up counts as done, whatever ends us.
  mv -T -- "$init_dir" "$done_dir"
  put_in_place
  note "MariaDB init process done. Ready for start up."
}

[ $# -gt 0 ] || set -- mariadbd
case $1 in -*) set -- mariadbd "$@" ;; esac
case $1 in mariadbd | mysqld) ;; *) exec "$@" ;; esac
for arg; do
  case $arg in '-?' | --help | --print-defaults | -V | --version) exec "$@" ;; esac
done

# As process 1 a shell without a handler ignores these, and a stop would wait for the kill.
trap 'exit 143' TERM INT

note "Entrypoint for MariaDB started"
args=("$@")
datadir=$(server_option datadir /var/lib/mysql "${@:2}")
socket=$(server_option socket /run/mysqld/mysqld.sock "${@:2}")
init_dir=$datadir/.kor-init
done_dir=$datadir/.kor-init-done

mkdir -p -- "$datadir" "${socket%/*}"
if [ "$(id -u)" = 0 ]; then
  find "$datadir" "${socket%/*}" \! -user mysql -exec chown mysql:mysql -- '{}' +
fi
rm -f -- "$socket"

if [ ! -d "$datadir/mysql" ]; then
  # Two first starts on one directory would tear each other's work down.
  exec 9<"$datadir"
  flock -n 9 || die "$datadir: another container prepares this directory"
  if [ -d "$done_dir" ]; then
    note "Finishing the set-up that an earlier start had to leave"
    put_in_place
  else
    for entry in "$datadir"/*; do
      case ${entry##*/} in '*' | lost+found) ;; *)
        die "$datadir holds '${entry##*/}' but no 'mysql' directory: neither empty nor a database" ;;
      esac
    done
    [ ! -d "$init_dir" ] || note "Clearing what an interrupted set-up left"
    first_setup
  fi
  exec 9<&-
elif [ -d "$done_dir" ]; then
  # Empty when the kill came between the last move and this.
  rmdir -- "$done_dir" 2>/dev/null || note "$done_dir is left over and not used"
fi

unset MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD MARIADB_PASSWORD MYSQL_PASSWORD value
trap - TERM INT
exec "${as_mysql[@]}" "$@"
