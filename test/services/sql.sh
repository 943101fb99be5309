#!/usr/bin/env bash
# Real SQL servers for tests: Debian's Postgres and MariaDB, on 127.0.0.1, with data of their own that stop removes.
#   sql.sh start   installs the packages if absent (root, apt-get), starts the servers, makes user and database; prints the settings
#   sql.sh stop    stops what start started and removes its state
#   sql.sh env     prints the settings again, as shell assignments
# Settings: MILLRACE_POSTGRES_URL, MILLRACE_MYSQL_URL. Durability is off: the servers are for tests, and these kill clients, not servers.
set -euo pipefail
state=${MILLRACE_SQL_STATE:-$(dirname "$(mktemp -u)")/millrace-sql}
postgres_port=${MILLRACE_POSTGRES_PORT:-17432}
mysql_port=${MILLRACE_MYSQL_PORT:-17306}
password=millracesecret

settings() {
  printf 'export MILLRACE_POSTGRES_URL=postgres://millrace:%s@127.0.0.1:%s/millrace MILLRACE_MYSQL_URL=mysql://millrace:%s@127.0.0.1:%s/millrace\n' \
    "$password" "$postgres_port" "$password" "$mysql_port"
}

stop() {
  local name
  for name in postgres mysql; do
    [ -f "$state/$name.pid" ] && kill -INT "$(cat "$state/$name.pid")" 2>/dev/null || true
  done
  # MariaDB ends on TERM, Postgres at once on INT.
  [ -f "$state/mysql.pid" ] && kill -TERM "$(cat "$state/mysql.pid")" 2>/dev/null || true
  local i pid
  for name in postgres mysql; do
    [ -f "$state/$name.pid" ] || continue
    pid=$(cat "$state/$name.pid")
    for i in $(seq 1 100); do
      kill -0 "$pid" 2>/dev/null || break
      [ "$i" = 100 ] && kill -9 "$pid" 2>/dev/null || sleep 0.1
    done
  done
  rm -rf "$state"
}

postgres_bin() {
  local found
  found=$(find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] && dirname "$found"
}

# Neither server runs as root.
as() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then setpriv --reuid="$user" --regid="$user" --init-groups "$@"; else "$@"; fi
}

run() { # name user command...: starts a daemon in the foreground mode, detached, its pid and output kept
  local name=$1 user=$2
  shift 2
  if [ "$(id -u)" = 0 ]; then set -- setpriv --reuid="$user" --regid="$user" --init-groups "$@"; fi
  setsid "$@" >"$state/$name.out" 2>&1 </dev/null &
  echo $! >"$state/$name.pid"
}

await() { # name command...
  local name=$1 i
  shift
  for i in $(seq 1 150); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "$name did not answer; its output:" >&2
  tail -n 20 "$state/$name.out" >&2
  exit 1
}

start() {
  { postgres_bin >/dev/null && command -v mariadbd >/dev/null; } || {
    apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql mariadb-server >/dev/null
  }
  if [ -d "$state" ]; then stop; fi
  mkdir -p "$state"/{postgres,mysql}
  chmod 755 "$state"
  if [ "$(id -u)" = 0 ]; then
    chown postgres: "$state/postgres"
    chown mysql: "$state/mysql"
  fi
  echo "$password" >"$state/password"
  export PGPASSWORD=$password
  local bin
  bin=$(postgres_bin)
  as postgres "$bin/initdb" -D "$state/postgres" -U postgres -A scram-sha-256 --pwfile="$state/password" --no-sync -E UTF8 --locale=C >"$state/initdb.out"
  run postgres postgres "$bin/postgres" -D "$state/postgres" -p "$postgres_port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200
  as mysql mariadb-install-db --no-defaults --datadir="$state/mysql" --auth-root-authentication-method=normal --skip-test-db >"$state/install.out" 2>&1
  run mysql mysql mariadbd --no-defaults --datadir="$state/mysql" --port="$mysql_port" --bind-address=127.0.0.1 \
    --socket="$state/mysql/mysql.sock" --pid-file="$state/mysql/mysqld.pid" --innodb-flush-log-at-trx-commit=0 --max-connections=300
  await postgres "$bin/psql" -h 127.0.0.1 -p "$postgres_port" -U postgres -c 'select 1'
  await mysql mariadb-admin --no-defaults -S "$state/mysql/mysql.sock" -u root ping
  "$bin/psql" -q -h 127.0.0.1 -p "$postgres_port" -U postgres \
    -c "create role millrace login createdb password '$password'" -c 'create database millrace owner millrace'
  local sql=(mariadb --no-defaults -S "$state/mysql/mysql.sock" -u root)
  "${sql[@]}" -e "create database millrace character set utf8mb4; create user millrace@127.0.0.1 identified by '$password'; create user millrace@localhost identified by '$password'; grant all on *.* to millrace@127.0.0.1; grant all on *.* to millrace@localhost"
  settings
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  env) settings ;;
  *) sed -n 2,6p "$0" >&2; exit 2 ;;
esac
