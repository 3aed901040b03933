#!/bin/bash
# Knows its servers' names and the root password by heart, as the real image's does: anywhere else it
# never gets past waiting, and has to be overridden.
set -e
# The first process of a container is deaf to signals that it does not ask for.
trap 'exit 143' TERM INT

export RAILS_ENV=production
export RAILS_SERVE_STATIC_FILES=true

until (: </dev/tcp/index/9200) 2>/dev/null; do
  echo "waiting for the search server at index:9200"
  sleep 1
done

until ruby -rmysql2 -e 'Mysql2::Client.new(host: "db", username: "root", password: "root")' 2>/dev/null; do
  echo "waiting for the database server at db"
  sleep 1
done

if [ ! -f data/db_created.state ]; then
  bundle exec rake db:setup
  bundle exec bin/kor index-all
  touch data/db_created.state
fi
bundle exec rake db:migrate
exec bundle exec puma -b tcp://0.0.0.0:3000 -e production --pidfile /tmp/puma.pid
