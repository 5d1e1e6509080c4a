#!/bin/sh
# Make the databases and their roles on the first start, then serve them.
set -eu
bin=/usr/lib/postgresql/15/bin
data=/var/lib/postgresql/eo/data
draft=$data.draft
if [ ! -e "$data" ]; then
  # what an interrupted first start left
  rm -rf "$draft"
  umask 077
  printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
  # without a locale the databases would be SQL_ASCII
  "$bin/initdb" -D "$draft" -U postgres --pwfile=/tmp/password --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$draft/pg_hba.conf"
  "$bin/pg_ctl" -D "$draft" -w -o "-c listen_addresses= -k /tmp" start
  PGPASSWORD="$POSTGRES_PASSWORD" "$bin/psql" -h /tmp -U postgres --no-psqlrc --quiet \
    --set ON_ERROR_STOP=1 --file /usr/local/share/postgres-roles.sql
  "$bin/pg_ctl" -D "$draft" -w stop
  mv "$draft" "$data"
fi
exec "$bin/postgres" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
