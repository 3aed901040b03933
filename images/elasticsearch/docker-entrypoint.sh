#!/bin/bash
# Takes what the public image takes: options of Elasticsearch, `elasticsearch` with options, or another
# command; settings as environment variables with a dot in their name as well (`discovery.type=…`).
set -euo pipefail

[ $# -gt 0 ] || set -- elasticsearch
case $1 in -*) set -- elasticsearch "$@" ;; esac
[ "$1" = elasticsearch ] || exec "$@"

while IFS= read -r -d '' line; do
  if [[ $line =~ ^[a-z0-9_]+(\.[a-z0-9_]+)+= ]]; then set -- "$@" "-E$line"; fi
done < <(env -0)

# A directory that the host made belongs to root, and Elasticsearch does not run as root.
if [ "$(id -u)" = 0 ]; then
  for dir in data logs; do
    find /usr/share/elasticsearch/$dir \! -user elasticsearch -exec chown elasticsearch:elasticsearch -- '{}' +
  done
  exec setpriv --reuid=elasticsearch --regid=elasticsearch --init-groups --inh-caps=-all "$@"
fi
exec "$@"
