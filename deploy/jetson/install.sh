#!/usr/bin/env bash
# Installs painlens on this box, or a newer version in place of an older one. Run again, it changes only what differs.
#
#   sudo ./install.sh [--config FILE] [--provider ARCHIVE] [--cpu-only] [--dry-run]
#   sudo ./install.sh --rollback
#
#   --config FILE       the config; without it the one in /etc/painlens is kept, or asked for if there is none
#   --provider ARCHIVE  ONNX Runtime's CUDA provider, as deploy/jetson/onnxruntime/build.sh packs it
#   --cpu-only          install also where the GPU cannot be used
#   --dry-run           change nothing, list what would be done
#   --rollback          back to the previous version
#   --prefix DIR        put everything below DIR and call no program of this box (for tests and packages)
#
# Exit codes: 0 installed, nothing is red; 1 failed, the previous version keeps running; 2 wrong usage;
# 3 installed, but `painlens check` shows red lines. docs/operate/install.md has the details.

# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=lib/common.sh
source "$here/lib/common.sh"
# shellcheck source=lib/l4t.sh
source "$here/lib/l4t.sh"
# shellcheck source=lib/jetpack.sh
source "$here/lib/jetpack.sh"
# shellcheck source=lib/packages.sh
source "$here/lib/packages.sh"
# shellcheck source=lib/release.sh
source "$here/lib/release.sh"
# shellcheck source=lib/service.sh
source "$here/lib/service.sh"

config='' provider='' cpu_only=no rollback=no
# The release that ran at the start of this script.
before=''
# Outputs of painlens check.
checks=$(mktemp -d)
trap 'rm -rf "$checks" ${scratch:+"$scratch"}' EXIT

read_options() {
  while (($# > 0)); do
    case $1 in
      --config)
        config=$(file_option "$@")
        shift
        ;;
      --provider)
        provider=$(file_option "$@")
        shift
        ;;
      --prefix)
        prefix=$(value_option "$@")
        shift
        ;;
      --cpu-only) cpu_only=yes ;;
      --dry-run) dry_run=yes ;;
      --rollback) rollback=yes ;;
      -h | --help)
        help_of "${BASH_SOURCE[0]}"
        exit 0
        ;;
      *) refuse "unknown option $1" ;;
    esac
    shift
  done
}

file_option() {
  value_option "$@" >/dev/null
  [[ -r $2 && -f $2 ]] || refuse "$1 $2: there is no such file"
  realpath "$2"
}

install_painlens() {
  step 'What this box is'
  find_jetpack
  show_jetpack
  settle_processor "$cpu_only"
  step 'Programs'
  install_packages
  step 'painlens'
  find_source
  before=$(released current)
  stage_release
  step 'User, folders, config'
  ensure_user
  ensure_folders
  settle_config "$config"
  step 'GPU provider'
  install_provider "$provider"
  refuse_worse
  step 'Service'
  take_into_use "$release"
  step 'painlens check'
  finish
}

# A release with a red line that the running one does not have is never activated.
refuse_worse() {
  local worse
  [[ -n $before && $before != "$release" && $dry_run == no ]] || return 0
  step "Is $release as good as $before here?"
  check_of "$before" "$checks/before" || true
  # A camera may have been away for a moment.
  check_of "$release" "$checks/new" || [[ -z $(worse_than "$checks/before" "$checks/new") ]] ||
    check_of "$release" "$checks/new" || true
  worse=$(worse_than "$checks/before" "$checks/new")
  if [[ -n $worse ]]; then
    cat "$checks/new"
    remove "$releases/$release"
    restore_config
    say_untrusted "$checks/new"
    [[ $worse != *provider* ]] || warn 'a provider that was installed by hand has to be given again: --provider ARCHIVE'
    die "with painlens $release this fails and did not with $before: ${worse//$'\n'/, }. $before keeps running."
  fi
  say '  yes: no new red line'
}

# take_into_use RELEASE: or go back to the release before, if painlens does not become ready.
take_into_use() {
  activate "$1"
  enable_service
  if start_service; then
    remember_previous "$before"
    prune_releases
    return
  fi
  [[ -n $before && $before != "$1" ]] || say_not_started "$1"
  warn "painlens $1 does not become ready (journalctl -u painlens says why); going back to $before"
  restore_config
  activate "$before"
  start_service || warn "$before does not start either"
  [[ $rollback == yes ]] || remove "$releases/$1"
  die "$1 was not installed, $before keeps running."
}

say_not_started() {
  check_of "$1" "$checks/end" || true
  cat "$checks/end"
  die 'painlens does not start: the table above and journalctl -u painlens say why. Repair that and start again.'
}

roll_back() {
  step 'Back to the version before'
  before=$(released current)
  release=$(released previous)
  [[ -n $release && -d $releases/$release ]] || die 'there is no version before this one.'
  say "  $before is current, $release was before"
  take_into_use "$release"
  step 'painlens check'
  finish
}

# The technician's table at the end, and its meaning.
finish() {
  local status=0
  if [[ $dry_run == yes ]]; then
    say "  would check config, cameras, model, broker, clock and disk. Nothing was changed; $changes things would be."
    return
  fi
  check_of "$release" "$checks/end" || status=$?
  # A config that the check finds wrong is 2 of its own; anything else that ends with 2 is not.
  if ((status == 2)) && ! says_wrong_config "$status" "$checks/end"; then status=3; fi
  cat "$checks/end"
  say ''
  say "painlens $release is installed; $changes things were changed."
  case $status in
    0) say_green "$checks/end" ;;
    1) say_red ;;
    2) say 'The config is wrong, so painlens does not start. Correct it and start install.sh again.' ;;
    *) say "painlens check was ended early, so this says nothing of the config. Look again with: sudo painlens check" ;;
  esac
  ((status == 0)) || exit 3
}

say_green() {
  if grep -q '^\[warn\]' "$1"; then
    say 'Nothing is red. Yellow works; read each → before relying on it.'
  else
    say 'All is green.'
  fi
  say 'Next: commissioning, in docs/operate/field-guide.md.'
}

say_red() {
  say 'What is red does not work; → says what to do. The rest runs meanwhile. Look again with:'
  say '  sudo painlens check'
}

read_options "$@"
need_root "$@"
check_prefix
set_paths
if [[ $rollback == yes ]]; then roll_back; else install_painlens; fi
