#!/bin/sh
# Creates the secrets of compose.yaml, once: a certificate authority, the broker's certificate, a password for each
# user, and the broker's access list. Existing files are kept.
#
#   ./prepare.sh DEVICE NAME…    DEVICE as in painlens.yaml; NAME: a host name or an IP address of this machine
#
# Needs openssl, and mosquitto_passwd or Docker. As root the files get the users that the containers run as; else run the
# chown that is printed afterwards.
set -eu

painlens_user=10001
mosquitto_user=1883
days=3650
image=eclipse-mosquitto:2.0.22

die() { echo "prepare.sh: $*" >&2; exit 1; }

case "${1:-}" in '' | -*) die "usage: ./prepare.sh DEVICE NAME…, such as ./prepare.sh ward-2 broker.example 192.0.2.2" ;; esac
device=$1
shift
case "$device" in *[!a-z0-9-]*) die "the device \"$device\" may have a-z, 0-9 and - only" ;; esac
case "$device" in nurse-call | health) die "\"$device\" is the name of another user; choose another device" ;; esac
command -v openssl >/dev/null || die "openssl is missing: apt-get install openssl"

folder="$(dirname "$0")/secrets"
umask 077
mkdir -p "$folder"
cd "$folder"

# subjectAltName: mosquitto and localhost for the containers themselves, then the names of the machine.
names=DNS:mosquitto,DNS:localhost
for name; do
  case "$name" in
    *[!0-9a-zA-Z.:-]*) die "\"$name\" is neither a name nor an IP address" ;;
    *:* | *[0-9].[0-9]*.[0-9]*.[0-9]*) names="$names,IP:$name" ;;
    *) names="$names,DNS:$name" ;;
  esac
done

made=
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
# A password without characters that are special in a URL, YAML or a shell.
new_password() { openssl rand -hex 24; }

if [ ! -e ca.crt ]; then
  made=yes
  new_key ca.key
  openssl req -x509 -new -key ca.key -days "$days" -subj "/CN=painlens authority of $device" -out ca.crt
  echo "made ca.crt: every client of the broker needs it. Move ca.key away from this machine."
fi

if [ ! -e server.crt ]; then
  made=yes
  [ -e ca.key ] || die "there is no server.crt, and no ca.key to sign one with: bring ca.key back"
  new_key server.key
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names" >server.ext
  openssl req -new -key server.key -subj "/CN=mosquitto" -out server.csr
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days "$days" -extfile server.ext \
    -out server.crt 2>/dev/null
  rm -f server.csr server.ext ca.srl
  echo "made server.crt for $names"
fi

if [ ! -e mosquitto-users ]; then
  made=yes
  [ -e mqtt-password ] || new_password >mqtt-password
  [ -e nurse-call-password ] || new_password >nurse-call-password
  health_password=$(new_password)
  printf -- '--username health\n--pw %s\n' "$health_password" >mosquitto_sub
  {
    printf '%s:%s\n' "$device" "$(cat mqtt-password)"
    printf 'nurse-call:%s\n' "$(cat nurse-call-password)"
    printf 'health:%s\n' "$health_password"
  } >mosquitto-users.new
  # Replaces each password by its hash.
  if command -v mosquitto_passwd >/dev/null; then
    mosquitto_passwd -U mosquitto-users.new
  else
    docker run --rm --volume "$PWD:/secrets" "$image" mosquitto_passwd -U /secrets/mosquitto-users.new
  fi
  mv mosquitto-users.new mosquitto-users
  echo "made passwords for $device, nurse-call (nurse-call-password) and the health check"
fi

if [ ! -e mosquitto-acl ]; then
  made=yes
  sed "/^#/!s/ward-2/$device/g" ../mosquitto/acl >mosquitto-acl.new
  mv mosquitto-acl.new mosquitto-acl
  echo "made mosquitto-acl: $device may publish for itself only"
fi

[ -e http-token ] || new_password >http-token
# Yours to fill in: the cameras' password, in one line.
[ -e camera-password ] || echo change-me >camera-password

# Certificates are readable by all, the rest by its reader only. A container's secret has the owner and mode of its file.
chmod 0755 .
chmod 0644 ca.crt server.crt
chmod 0400 server.key mosquitto-users mosquitto-acl mosquitto_sub
chmod 0600 mqtt-password http-token camera-password
if [ "$(id -u)" = 0 ]; then
  chown "$mosquitto_user" server.key mosquitto-users mosquitto-acl mosquitto_sub
  chown "$painlens_user" mqtt-password http-token camera-password
elif [ -n "$made" ]; then
  echo "now: sudo chown $mosquitto_user $folder/server.key $folder/mosquitto-users $folder/mosquitto-acl $folder/mosquitto_sub"
  echo "     sudo chown $painlens_user $folder/mqtt-password $folder/http-token $folder/camera-password"
fi
