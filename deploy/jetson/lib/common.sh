# What install.sh, uninstall.sh and pack.sh share: words, changes that a dry run only names, files and folders.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared; install.sh is checked with all parts

# Everything is installed below this folder; empty for the box itself.
prefix=''
dry_run=no
# The number of changes made, or to be made.
changes=0
# The system's programs are in sbin, too, which is not on every root's PATH.
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }

warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  warn "$*"
  exit 1
}

# Wrong usage ends with 2, as with painlens itself.
refuse() {
  warn "$* (--help shows the options)"
  exit 2
}

# value_option NAME VALUE…: the value of an option that needs one.
value_option() {
  [[ -n ${2:-} ]] || refuse "$1 needs a value"
  say "$2"
}

# change WHAT COMMAND…: says what it does and does it; in a dry run only says it.
change() {
  local what=$1
  shift
  changes=$((changes + 1))
  if [[ $dry_run == yes ]]; then
    say "  would $what"
  else
    say "  $what"
    "$@"
  fi
}

# The comment that a script begins with is its help.
help_of() { sed -n '2,/^$/s/^# \{0,1\}//p' "$1"; }

need_root() {
  [[ -n $prefix || $dry_run == yes || $EUID == 0 ]] || die "this needs root: sudo $0 $*"
}

# A prefix is a folder to fill. In a whole system the programs of this box would work on this box, not on that one.
check_prefix() {
  [[ $prefix != / ]] || prefix=''
  [[ -n $prefix ]] || return 0
  [[ -d $prefix ]] || refuse "--prefix $prefix: there is no such folder"
  prefix=$(cd "$prefix" && pwd -P)
  [[ ! -e $prefix/bin/bash ]] || die "$prefix is a whole system: run this script inside of it (chroot $prefix …)."
}

# program NAME: its path, or nothing. Below a prefix only what lies there is taken: it changes nothing of this box.
program() {
  if [[ -z $prefix ]]; then
    type -P "$1" || true
  elif [[ -x $prefix/usr/bin/$1 ]]; then
    say "$prefix/usr/bin/$1"
  fi
}

# field FILE USER-OR-GROUP: the number of an account, in the passwd or group file below the prefix.
account_number() { sed -n "s/^$2:[^:]*:\([0-9]*\):.*/\1/p" "$prefix/etc/$1" 2>/dev/null || true; }

# owner_numbers USER:GROUP: as uid:gid; nothing where they cannot be given (no root, or not there yet).
owner_numbers() {
  local user group
  [[ $EUID == 0 ]] || return 0
  if [[ $1 == root:root ]]; then
    say 0:0
    return
  fi
  user=$(account_number passwd "${1%:*}")
  group=$(account_number group "${1#*:}")
  [[ -z $user || -z $group ]] || say "$user:$group"
}

# grant PATH MODE OWNER: corrects the mode and owner of an existing path.
grant() {
  local path=$1 mode=$2 owner=$3 numbers
  numbers=$(owner_numbers "$owner")
  [[ -e $path ]] || return 0
  if [[ $(stat -c %a "$path") != "$mode" ]]; then change "set $path to mode $mode" chmod "$mode" "$path"; fi
  if [[ -n $numbers && $(stat -c %u:%g "$path") != "$numbers" ]]; then
    change "give $path to $owner" chown "$numbers" "$path"
  fi
}

# folder PATH MODE OWNER
folder() {
  if [[ ! -d $1 ]]; then change "make $1" mkdir -p -m "$2" "$1"; fi
  grant "$@"
}

# place SOURCE PATH MODE OWNER: a file with this content; unchanged where it has it already.
place() {
  if ! cmp -s "$1" "$2"; then change "write $2" replace_file "$1" "$2" "$3"; fi
  grant "$2" "$3" "$4"
}

# In one step, so that a file is never incomplete.
replace_file() {
  mkdir -p "$(dirname "$2")"
  install -m "$3" "$1" "$2.new"
  mv -f "$2.new" "$2"
}

# link TARGET PATH: likewise.
link() {
  [[ $(readlink "$2" || true) != "$1" ]] || return 0
  change "point $2 to $1" replace_link "$1" "$2"
}

replace_link() {
  ln -sfn "$1" "$2.new"
  mv -fT "$2.new" "$2"
}

# remove PATH: a file, a link or a folder, if there is one.
remove() {
  [[ -e $1 || -L $1 ]] || return 0
  change "remove $1" rm -rf "$1"
}

# at_least VERSION LEAST: 20.11.1 is at least 20.9.
at_least() { printf '%s\n%s\n' "$2" "$1" | sort --check=quiet --version-sort; }
