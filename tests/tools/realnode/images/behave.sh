#!/bin/sh
# Behaves as the tag of an image says: see registry.go. What is not said to fail runs until it is told to stop.
trap 'exit 0' TERM INT
case $1 in
crash-loop | job-fail)
	echo "fatal: simulated failure" >&2
	sleep 0.5
	exit 1
	;;
oom)
	sleep 1
	# In the place of the shell: the container ends when its first process does.
	exec tail /dev/zero
	;;
done) exit 0 ;;
slow-stop)
	trap 'sleep 3; exit 0' TERM
	;;
slow) sleep 3 ;;
esac
# An HTTP server on the port of a web application, so that a probe and a client have something to ask.
[ "$1" = never-ready ] || { mkdir -p /tmp/www && echo ok >/tmp/www/index.html && busybox httpd -f -p 8080 -h /tmp/www & }
while :; do
	sleep 3600 &
	wait $!
done
