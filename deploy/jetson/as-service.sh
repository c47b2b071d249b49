#!/usr/bin/env bash
# Runs a command as systemd runs the service: the same user and groups, sandbox, credentials and folders. So it sees
# the GPU and the folders as the service does. Needs root.
#
#   as-service.sh [--prefix DIR] UNIT COMMAND…
#
#   UNIT            the unit's file; the drop-ins of the one that is installed count, too
#   --prefix DIR    of install.sh
#
# The exit code is the command's; 200 to 245 are systemd's, which then could not set up the sandbox. Where systemd-run does
# not work (no systemd, a chroot), the command runs as the service's user without the sandbox, and a note says so.

set -euo pipefail

# Directives about starting, stopping and watching the service, which do not apply to a single command. RuntimeDirectory is
# among them: systemd would remove the folder at the command's end, and the running service's socket with it.
lifecycle='RuntimeDirectory[A-Za-z]*|Type|NotifyAccess|Exec[A-Za-z]*|Restart[A-Za-z]*|Timeout[A-Za-z]*|WatchdogSec|WorkingDirectory|RuntimeMaxSec'
user=painlens
prefix=''
# Where the running service can be asked.
runtime=/run/painlens

# settings UNIT: the lines of [Service] of the unit and its drop-ins, one directive a line, in systemd's order.
settings() {
  local file
  for file in "$1" "$prefix"/etc/systemd/system/painlens.service.d/*.conf; do
    [[ -r $file ]] || continue
    # Lines that \ continues are joined first.
    sed -e ':a;/\\$/{N;s/\\\n/ /;ba}' "$file" |
      sed -n -e '/^\[/{h;d}' -e 's/^[[:space:]]*//;/^[#;]/d;/^[A-Za-z]*=/{G;/\n\[Service\]$/{s/\n.*//;p}}'
  done
}

# run_in_sandbox SYSTEMD-RUN UNIT COMMAND…
run_in_sandbox() {
  local run=$1 unit=$2 name=painlens-once-$$ options=() line
  shift 2
  while IFS= read -r line; do
    [[ $line =~ ^($lifecycle)= ]] || options+=("--property=$line")
  done < <(settings "$unit")
  for line in NO_COLOR PAINLENS_DEBUG; do
    [[ -z ${!line:-} ]] || options+=("--setenv=$line=${!line}")
  done
  options+=("--setenv=RUNTIME_DIRECTORY=$runtime" --setenv=PAINLENS_AS_SERVICE=1)
  # Ctrl-C ends systemd-run, and would leave the command running.
  trap '"${run%systemd-run}systemctl" stop "$name" 2>/dev/null || true' INT TERM
  "$run" --quiet --collect --wait --pipe --unit="$name" "${options[@]}" --property="WorkingDirectory=-$PWD" \
    --property=RuntimeMaxSec=600 -- "$@"
}

# works SYSTEMD-RUN: whether it can start a command at all.
works() { [[ -d $prefix/run/systemd/system && -x $1 ]] && "$1" --quiet --collect --wait --pipe -- true >/dev/null 2>&1; }

run_without() {
  local as=()
  printf 'as-service.sh: systemd-run does not work here, so this runs without the sandbox of the service; what that may open is not known.\n' >&2
  if [[ -z $prefix ]]; then as=(runuser -u "$user" --); fi
  "${as[@]}" env CREDENTIALS_DIRECTORY="$prefix/etc/painlens/secrets" STATE_DIRECTORY="$prefix/var/lib/painlens" \
    RUNTIME_DIRECTORY="$prefix$runtime" PAINLENS_AS_SERVICE=1 "$@"
}

if [[ ${1:-} == --prefix ]]; then
  prefix=$2
  shift 2
fi
if (($# < 2)); then
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
unit=$1
shift
systemd_run=$prefix/usr/bin/systemd-run
if works "$systemd_run"; then run_in_sandbox "$systemd_run" "$unit" "$@"; else run_without "$@"; fi
