#!/usr/bin/env bash
# Installs what the local stack needs from Debian (12 or newer): lists it first, asks sudo where we are not root.
# Says nothing where nothing is missing. No service is started or enabled: Debian's own Mosquitto would take port 1883.
set -euo pipefail
cd "$(dirname "$0")/../.."

has() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

java_is_new_enough() {
    local version
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1) && [ "${version:-0}" -ge 17 ]
}

missing=()
has mosquitto || missing+=(mosquitto)
java_is_new_enough || missing+=(default-jre-headless)
has mvn || missing+=(maven)
has mmdebstrap || missing+=(mmdebstrap)
infra/find_python.sh >/dev/null 2>&1 || missing+=(python3 python3-venv)
# The keys that Debian trixie, where TimescaleDB is taken from, is signed with.
[ -e /usr/share/keyrings/debian-archive-trixie-stable.gpg ] || missing+=(debian-archive-keyring)
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install --yes --no-install-recommends ${missing[*]}"
if ! has apt-get; then
    echo "setup: missing: ${missing[*]} (names of Debian packages); install them by this system's own means." >&2
    exit 78
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif has sudo; then
    as_root=(sudo)
else
    echo "setup: missing: ${missing[*]}; as root, run: apt-get update && $install" >&2
    exit 78
fi

echo "setup: these system packages are missing and will be installed${as_root:+ by sudo}: ${missing[*]}"

guard=/usr/sbin/policy-rc.d
if [ ! -e $guard ]; then
    # The way Debian offers to install a service without starting it; removed again in any case.
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $guard >/dev/null
    trap '"${as_root[@]}" rm -f $guard' EXIT
    "${as_root[@]}" chmod 755 $guard
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $install -qq >/dev/null
case " ${missing[*]} " in
*" mosquitto "*) "${as_root[@]}" update-rc.d mosquitto disable >/dev/null 2>&1 || true ;; # nor after the next boot
esac
