# The command of the container. It starts PostgreSQL so that a first start which is broken off does no lasting harm, and so
# that a stop is heard at every moment of it. This is not an init container, because those do not run again when only the
# container does.
set -eu
volume=${PGDATA%/*}
# The mark: it is on the volume while the databases are being made. The last line of the init script takes it away, and no
# server is ready before.
mark=$volume/first-start-unfinished
# A password is proven once for each start of the container: see the probes.
rm -f /tmp/logged-in

# Two servers must never have the same data. A pod that is deleted has its successor at once, often on the same node, and
# PostgreSQL does not see a server of another pod. So a start waits until the one before has ended: this lock on the volume
# belongs to all processes of a container, and the kernel gives it back after the last of them.
exec 9<"$volume"
trap 'exit 130' INT TERM
if ! flock -n 9 2>/dev/null; then
    echo "waiting until no other server uses the volume at $volume"
    flock 9 &
    wait "$!" || echo "the volume cannot be locked, so nothing keeps two servers on one node apart" >&2
fi
trap - INT TERM

if [ -e "$mark" ]; then
    # What is there is incomplete in a way that nobody can know, and holds no data of anybody: no server has been ready on it.
    if [ -e "$PGDATA" ]; then
        aside=$PGDATA.unfinished-$(date -u +%Y%m%d-%H%M%S)
        echo "the last first start was broken off: moving $PGDATA to $aside and starting over"
        mv "$PGDATA" "$aside"
    fi
elif [ -d "$PGDATA" ] && [ -n "$(ls -A "$PGDATA")" ]; then
    exec docker-entrypoint.sh postgres
elif ! touch "$mark"; then
    echo "the volume at $volume is not writable for the user $(id -u)" >&2
    echo "hint: volumes of type hostPath and some drivers ignore fsGroup; change the owner of the volume, or use a storage class that applies it" >&2
    exit 1
fi

# The start script runs beside this shell, as it ignores SIGINT while it is the first process of the container.
docker-entrypoint.sh postgres &
server=$!
stop() {
    # What is unfinished is made again by the next start, so nothing is waited for. The container's processes end with this one.
    [ ! -e "$mark" ] || exit 130
    # The start script ignores the signal until it has become the server.
    while kill -s INT "$server"; do sleep 1; done 2>/dev/null &
}
trap stop INT TERM
# A signal ends the wait, and not the server.
while :; do
    code=0
    wait "$server" || code=$?
    kill -0 "$server" 2>/dev/null || exit "$code"
done
