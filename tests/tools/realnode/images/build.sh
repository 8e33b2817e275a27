#!/bin/sh
# Makes the layers of the node's images in FOLDER/images: `root.tar`, a small Debian with PostgreSQL and busybox, and
# `pause.tar`. The packages come through this machine's own apt, with its sources, proxy and keys, and are unpacked without
# their scripts.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=$1
out=$bin/images
work=$out/work
root=$work/root
rm -rf "$out"
mkdir -p "$work/archives/partial" "$root"

# The newest PostgreSQL that apt has; 15 where it has that, as it is what holm-pg runs.
newest() { apt-cache pkgnames postgresql- | grep -E '^postgresql-[0-9]+$' | sort --version-sort | { grep -x postgresql-15 || tail -n 1; }; }
server=$(newest)
[ -n "$server" ] || { apt-get update --quiet >>"$out/apt.log" 2>&1 && server=$(newest); }

# With an empty list of installed packages everything that these need is fetched, and not what this machine lacks.
: >"$work/status"
fetch() {
	apt-get --yes --quiet --no-install-recommends --download-only -o "Dir::State::status=$work/status" \
		-o "Dir::State::extended_states=$work/extended" -o "Dir::Cache::archives=$work/archives" -o "Dir::Log=$work" \
		-o APT::Sandbox::User=root install "$server" base-files bash libc-bin locales gzip tzdata
}
{ fetch || { apt-get update --quiet && fetch; }; } >>"$out/apt.log" 2>&1

mkdir -p "$root/etc" "$root/var"
for folder in bin sbin lib lib64; do
	mkdir -p "$root/usr/$folder"
	ln -s "usr/$folder" "$root/$folder"
done
mkdir -p "$root/usr/local/bin"
for package in "$work"/archives/*.deb; do
	case ${package##*/} in
	# What only the packages' scripts and the compiler of queries use.
	perl* | libperl* | libllvm* | libz3* | debconf* | dpkg_* | postgresql-common* | postgresql-client-common*) continue ;;
	esac
	dpkg-deb --fsys-tarfile "$package" | tar --extract --directory "$root" --keep-directory-symlink
done
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/info "$root"/usr/share/lintian "$root"/usr/share/bug \
	"$root"/usr/lib/postgresql/*/lib/llvmjit* "$root"/usr/lib/postgresql/*/lib/bitcode

# The image that this one stands in for has both; Debian's busybox has no flock of its own.
cp "$(command -v busybox)" "$(command -v flock)" "$root/usr/bin/"
for applet in $(busybox --list); do
	[ -e "$root/usr/bin/$applet" ] || [ -e "$root/usr/sbin/$applet" ] || ln -s busybox "$root/usr/bin/$applet"
done
ln -sfn busybox "$root/usr/bin/sh"

# The user and the group of the Alpine image.
printf '%s\n' root:x:0:0:root:/root:/bin/sh postgres:x:70:70::/var/lib/postgresql:/bin/sh nobody:x:65534:65534::/nonexistent:/bin/false >"$root/etc/passwd"
printf '%s\n' root:x:0: postgres:x:70: nogroup:x:65534: >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chroot "$root" /sbin/ldconfig
chroot "$root" /usr/bin/localedef -i en_US -f UTF-8 en_US.UTF-8
rm -rf "$root/usr/share/locale" "$root/usr/share/i18n"
sed -ri "s!^#?(listen_addresses)\s*=\s*\S+!\1 = '*'!" "$root"/usr/share/postgresql/*/postgresql.conf.sample
for program in "$root"/usr/lib/postgresql/*/bin/*; do ln -sf "${program#"$root"}" "$root/usr/local/bin/"; done
install -d -o 70 -g 70 -m 1777 "$root/var/lib/postgresql" "$root/var/lib/postgresql/data"
install -d -o 70 -g 70 -m 3777 "$root/run/postgresql"
rm -rf "$root/var/run"
ln -s ../run "$root/var/run"
install -d -m 1777 "$root/tmp"
install -d "$root/docker-entrypoint-initdb.d" "$root/proc" "$root/sys" "$root/dev" "$root/root"
install -m 755 "$here/start-postgres.sh" "$root/usr/local/bin/docker-entrypoint.sh"
install -m 755 "$here/behave.sh" "$root/usr/local/bin/behave"

pack() { # NAME FOLDER WHAT
	tar --create --numeric-owner --sort=name --file "$out/$1.tar" --directory "$2" "$3"
	sha256sum "$out/$1.tar" | cut -d ' ' -f 1 >"$out/$1.sha256"
}
pack root "$root" .
pack pause "$bin" pause
rm -rf "$work"
