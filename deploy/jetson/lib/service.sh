# The user, its folders, the config, and systemd.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared; install.sh is checked with all parts

user=painlens
# The groups, of those that exist on the box, that may open the GPU's device files.
device_groups=(video render)

ensure_user() {
  local useradd groups=() group
  if [[ -n $(account_number passwd "$user") ]]; then
    say "  user $user is there"
    return
  fi
  for group in "${device_groups[@]}"; do
    [[ -z $(account_number group "$group") ]] || groups+=("$group")
  done
  useradd=$(program useradd)
  if [[ -z $useradd ]]; then
    say "  left out, there is no useradd${prefix:+ below $prefix}: user $user"
    return
  fi
  change "make the user $user" "$useradd" --system --user-group --home-dir /var/lib/painlens --no-create-home \
    --shell /usr/sbin/nologin --groups "$(
      IFS=,
      say "${groups[*]}"
    )" "$user"
}

# Config and passwords can be read by painlens and written by root; the data of painlens is accessible to painlens only.
ensure_folders() {
  folder "$etc" 750 root:$user
  folder "$etc/secrets" 750 root:$user
  folder "$state" 700 $user:$user
}

# settle_config FILE: the config given, the one that is there, or one that is asked for.
settle_config() {
  local config=$etc/painlens.yaml
  if [[ -n $1 ]]; then
    take_config "$1" "$config"
  elif [[ ! -e $config ]]; then
    ask_config "$config"
  else
    say "  $config is kept"
  fi
  grant "$config" 640 root:$user
  grant_secrets
  write_credentials "$config"
}

# Whether this installation has put another config in place of the one that was there.
config_replaced=no

# The old one is kept beside it, and restored if the new one is wrong.
take_config() {
  local kept=$2.before
  if [[ ! -e $2 ]]; then
    place "$1" "$2" 640 root:$user
  elif ! cmp -s "$1" "$2"; then
    place "$2" "$kept" 640 root:$user
    place "$1" "$2" 640 root:$user
    [[ $dry_run == no ]] || return 0
    config_replaced=yes
    # The check gets its passwords as the service does.
    write_credentials "$2"
    if is_wrong_config; then
      restore_config
      cat "$checks/config"
      die "$1 is wrong; the old config is kept."
    fi
  fi
}

# The previous version may not know keys of the new config.
restore_config() {
  local config=$etc/painlens.yaml
  [[ $config_replaced == yes ]] || return 0
  place "$config.before" "$config" 640 root:$user
  write_credentials "$config"
}

# Only what the check itself says: one that was killed says nothing about the config.
is_wrong_config() {
  local status=0
  check_of "$release" "$checks/config" || status=$?
  says_wrong_config "$status" "$checks/config"
}

# says_wrong_config STATUS FILE
says_wrong_config() { (($1 == 2)) && grep -q '^\[fail\] config ' "$2"; }

ask_config() {
  [[ -t 0 || $dry_run == yes ]] || die 'there is no config yet, and no terminal to ask for one: start again with --config FILE.'
  change "ask for the config and write $1 (painlens config init)" \
    env PAINLENS_INSTALLING=1 "$prefix$node" "$releases/$release/dist/main.js" config init --config "$1"
}

grant_secrets() {
  local file
  for file in "$etc"/secrets/*; do
    grant "$file" 640 root:$user
  done
}

# A line for each ${credential:NAME} that the config refers to and that is there: systemd starts no unit whose
# credential is missing, while painlens itself would say which one.
write_credentials() {
  local drop_in=$unit.d/credentials.conf text name
  text=$(mktemp)
  {
    say '# Written by install.sh from the credentials that painlens.yaml refers to; start it again after a change.'
    say '[Service]'
    for name in $(credential_names "$1"); do
      [[ ! -e $etc/secrets/$name ]] || say "LoadCredential=$name:/etc/painlens/secrets/$name"
    done
  } >"$text"
  if grep -q LoadCredential "$text"; then place "$text" "$drop_in" 644 root:root; else remove "$drop_in"; fi
  rm -f "$text"
}

# Comments do not count.
credential_names() {
  [[ -e $1 ]] || return 0
  # shellcheck disable=SC2016 # this is painlens's $, not the shell's
  sed 's/^ *#.*//; s/ #.*//' "$1" | grep -o '\${credential:[A-Za-z0-9_.-]*}' | sed 's/.*:\(.*\)}/\1/' | sort -u || true
}

# painlens_of RELEASE ARGUMENTS…: as systemd would run that release's service, which may not be installed yet: the same user
# and groups, sandbox, passwords, folders.
painlens_of() {
  local at=$releases/$1 within=()
  shift
  [[ -z $prefix ]] || within=(--prefix "$prefix")
  (cd / && NO_COLOR=1 "$here/as-service.sh" "${within[@]}" "$at/deploy/jetson/painlens.service" \
    "$prefix$node" "$at/dist/main.js" "$@")
}

# check_of RELEASE FILE: painlens check, its output into the file. 0 nothing red, 1 something is, 2 wrong config, 3 the check
# was ended before its last line, killed perhaps, which says nothing about the box: a red line tells so.
check_of() {
  local status=0
  painlens_of "$1" check --config "$etc/painlens.yaml" >"$2" 2>&1 || status=$?
  if ((status != 0)) && ! is_whole "$2"; then
    say "[fail] painlens check  ended with code $status before its end; killed, perhaps: journalctl -e says more" >>"$2"
    return 3
  fi
  return "$status"
}

# is_whole FILE: a check ends with a line that counts what it has found.
is_whole() { grep -q '^[0-9]* ok, [0-9]* to consider, [0-9]* to mend$' "$1"; }

# The red lines in the output of a check, one name a line; a provider that fell back to the CPU counts.
reds_of() {
  sed -n -e 's/^\[fail\] \(camera [^ ]*\).*/\1/p;t' -e 's/^\[fail\] \(.\{15\}\).*/\1/p' -e 's/^\[warn\] \(provider \).*/\1/p' "$1" |
    sed 's/ *$//' | sort -u
}

# worse_than OLD NEW: the red lines in NEW that are not in OLD.
worse_than() { comm -13 <(reds_of "$1") <(reds_of "$2"); }

# say_untrusted FILE: what to write for the cameras whose certificates nothing vouches for. Older releases watched them unverified,
# and do not know the key; so it goes into a copy of the config, which comes into use together with the new release.
say_untrusted() {
  local cameras
  cameras=$(sed -n 's/^\[fail\] camera \([^ ]*\) .*is not trusted.* fingerprint: "\([0-9A-F:]*\)".*/  \1: tls: { fingerprint: "\2" }/p' "$1")
  [[ -n $cameras ]] || return 0
  warn 'these cameras are encrypted, but nothing vouches for them, so the new release does not watch them:'
  say "$cameras" >&2
  warn "compare each fingerprint with the one in the camera's settings, write these lines into the cameras of a copy of painlens.yaml, and start again with --config COPY"
}

# Whether systemd runs here; in a chroot or an image it does not.
is_booted() { [[ -d $prefix/run/systemd/system && -n $(program systemctl) ]]; }

systemd() { "$(program systemctl)" "$@"; }

# From 254 on systemd can wait longer before each further start. Older ones would warn of these lines at each start.
settle_restarts() {
  local drop_in=$unit.d/restart.conf text version
  version=$(systemd_version)
  if ((version < 254)); then
    remove "$drop_in"
    return
  fi
  text=$(mktemp)
  {
    say '# Written by install.sh: the delay between starts grows in 5 steps from RestartSec to this.'
    say '[Service]'
    say 'RestartSteps=5'
    say 'RestartMaxDelaySec=120'
  } >"$text"
  place "$text" "$drop_in" 644 root:root
  rm -f "$text"
}

# 0 where there is none.
systemd_version() {
  local systemctl number=''
  systemctl=$(program systemctl)
  [[ -z $systemctl ]] || number=$("$systemctl" --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  say "${number:-0}"
}

reload_units() {
  if is_booted && ((changes > 0)); then change 'make systemd read its units again' systemd daemon-reload; fi
}

is_running() { is_booted && systemd is-active --quiet painlens; }

enable_service() {
  if [[ -z $(program systemctl) ]]; then
    say "  left out, there is no systemctl${prefix:+ below $prefix}: enabling and starting the service"
  elif ! systemd is-enabled --quiet painlens 2>/dev/null; then
    change 'start painlens whenever the box starts' systemd enable --quiet painlens
  fi
}

# systemctl returns when painlens has reported that it is ready (Type=notify), or has failed.
start_service() {
  is_booted || return 0
  if is_running && ((changes == 0)); then
    say '  painlens is running'
    return
  fi
  change 'start painlens and wait until it is ready' systemd restart painlens
}

stop_service() {
  if is_running; then change 'stop painlens' systemd stop painlens; fi
}
