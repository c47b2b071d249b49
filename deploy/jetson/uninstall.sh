#!/usr/bin/env bash
# Uninstalls painlens. Its config, its outbox and its alarm log stay, unless --purge is given.
#
#   sudo ./uninstall.sh [--purge] [--dry-run]
#
#   --purge       remove /etc/painlens and /var/lib/painlens, too: config, passwords, waiting alarms, the alarm log
#   --dry-run     change nothing, list what would be done
#   --prefix DIR  an installation below DIR (for tests and packages)
#
# Node.js, ffmpeg and GStreamer stay: others may use them. Exit codes: 0 done, 1 failed, 2 wrong usage.

# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=lib/common.sh
source "$here/lib/common.sh"
# shellcheck source=lib/release.sh
source "$here/lib/release.sh"
# shellcheck source=lib/service.sh
source "$here/lib/service.sh"

purge=no

read_options() {
  while (($# > 0)); do
    case $1 in
      --purge) purge=yes ;;
      --dry-run) dry_run=yes ;;
      --prefix)
        prefix=$(value_option "$@")
        shift
        ;;
      -h | --help)
        help_of "${BASH_SOURCE[0]}"
        exit 0
        ;;
      *) refuse "unknown option $1" ;;
    esac
    shift
  done
}

remove_service() {
  stop_service
  if [[ -n $(program systemctl) && -e $unit ]]; then change 'no longer start painlens with the box' systemd disable --quiet painlens; fi
  remove "$unit"
  remove "$unit.d/credentials.conf"
  remove "$unit.d/restart.conf"
  if [[ $dry_run == no ]]; then rmdir "$unit.d" 2>/dev/null || true; fi
  reload_units
}

remove_data() {
  if [[ $purge == no ]]; then
    say "  $etc (config, passwords) and $state (outbox, alarm log) stay; --purge removes them"
    return
  fi
  remove "$etc"
  remove "$state"
  remove_user
}

# The user that owns the data is kept with it.
remove_user() {
  local userdel
  userdel=$(program userdel)
  if [[ -n $userdel && -n $(account_number passwd "$user") ]]; then change "remove the user $user" "$userdel" "$user"; fi
}

read_options "$@"
need_root "$@"
check_prefix
set_paths
step 'Uninstalling painlens'
remove_service
remove "$wrapper"
remove "$opt"
remove_data
if ((changes == 0)); then say '  nothing of painlens was there to remove'; fi
