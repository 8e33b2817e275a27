#!/bin/bash
# Our own stand-in for the start script of the image `postgres`: what its documentation says that it does with a first start,
# the environment and the folder of init scripts, with the same order of steps, and no more.
set -Eeo pipefail

[ "$1" = postgres ] || exec "$@"
: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}" "${PGDATA:=/var/lib/postgresql/data}"
export PGDATA
mkdir -p "$PGDATA"
if [ "$(id -u)" = 0 ]; then
	chown -R postgres "$PGDATA" /var/run/postgresql
	exec busybox su -s /bin/bash postgres -c 'exec "$0" "$@"' "$0" "$@"
fi
chmod 00700 "$PGDATA" || :
if [ -s "$PGDATA/PG_VERSION" ]; then
	echo
	echo 'PostgreSQL Database directory appears to contain a database; Skipping initialization'
	echo
else
	: "${POSTGRES_PASSWORD:?}"
	initdb -D "$PGDATA" --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
	printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
	export PGPASSWORD="$POSTGRES_PASSWORD"
	PGUSER="$POSTGRES_USER" pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
	run() { psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc "$@"; }
	[ "$POSTGRES_DB" = postgres ] || run --dbname postgres --command "CREATE DATABASE \"$POSTGRES_DB\""
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh) . "$file" ;;
		*.sql) printf '%s: running %s\n' "$0" "$file" && run --dbname "$POSTGRES_DB" -f "$file" ;;
		esac
	done
	PGUSER="$POSTGRES_USER" pg_ctl -D "$PGDATA" -m fast -w stop
	unset PGPASSWORD
	echo
	echo 'PostgreSQL init process complete; ready for start up.'
	echo
fi
exec "$@"
