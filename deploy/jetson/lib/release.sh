# Versions of painlens side by side below /opt/painlens/releases; `current` and `previous` point to two of them.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared; install.sh is checked with all parts

# Where everything is; set by set_paths, once the prefix is known.
opt='' releases='' wrapper='' etc='' state='' unit=''

set_paths() {
  opt=$prefix/opt/painlens
  releases=$opt/releases
  wrapper=$prefix/usr/local/bin/painlens
  etc=$prefix/etc/painlens
  state=$prefix/var/lib/painlens
  unit=$prefix/etc/systemd/system/painlens.service
}

# The release that this installation is made from, and its name below releases.
source_folder='' release=''
# A folder that is removed at the end in any case.
scratch=''

# The release that this script lies in, or the checkout, of which one is made first.
find_source() {
  source_folder=$(cd "$here/../.." && pwd -P)
  if [[ ! -e $source_folder/SHA256SUMS ]]; then
    [[ -d $source_folder/src ]] || die "$source_folder is neither a packed release nor a checkout of painlens."
    change 'pack a release from this checkout (deploy/jetson/pack.sh)' pack_checkout
  fi
  if [[ ! -e $source_folder/SHA256SUMS ]]; then
    # A dry run has packed nothing.
    release=$(json_field version "$source_folder/package.json")-packed
    return
  fi
  check_architecture
  release=$(release_name "$source_folder")
}

pack_checkout() {
  scratch=$(mktemp -d)
  "$here/pack.sh" --folder "$scratch/release"
  source_folder=$scratch/release
}

# Version, and the beginning of the hash of everything in it: a version that was packed again is another release.
release_name() { say "$(json_field version "$1/package.json")-$(sha256sum "$1/SHA256SUMS" | cut -c 1-8)"; }

json_field() { sed -n "s/^  \"$1\": \"\([^\"]*\)\".*/\1/p" "$2" | head -n 1; }

declare -A architectures=([x86_64]=x64 [aarch64]=arm64)

check_architecture() {
  local made_for here_is
  made_for=$(sed -n 's/^arch=//p' "$source_folder/RELEASE")
  here_is=${architectures[$(uname -m)]:-$(uname -m)}
  [[ $made_for == "$here_is" ]] || die "this release is for $made_for, and this box is $here_is: pack one with --arch $here_is."
}

# stage_release: copies it to its place, completely or not at all.
stage_release() {
  if [[ -d $releases/$release ]]; then
    say "  painlens $release is there already"
    return
  fi
  if [[ -e $source_folder/SHA256SUMS ]]; then
    say "  painlens $release: comparing all its files with their checksums"
    verify_release "$source_folder"
  fi
  folder "$opt" 755 root:root
  folder "$releases" 755 root:root
  change "copy it to $releases/$release" copy_release
}

# verify_release FOLDER: it holds exactly the files that its checksums name, and no links or devices. A USB stick may have
# corrupted it, and what is copied by root must not lead to files that only root may read.
verify_release() {
  local again='copy and unpack it again. Nothing of it was installed.' strange
  strange=$(cd "$1" && find . ! -type f ! -type d -print -quit)
  [[ -z $strange ]] || die "this release holds a link or a device, $(printf %q "$strange"): $again"
  (cd "$1" && sha256sum --check --quiet --strict SHA256SUMS) || die "this release is damaged: $again"
  # Names with a line break or a backslash are written in another way by sha256sum, and count as unknown.
  strange=$(comm -13 <(sed 's/^[0-9a-f]*  //' "$1/SHA256SUMS" | LC_ALL=C sort) \
    <(cd "$1" && find . -type f ! -path ./SHA256SUMS | LC_ALL=C sort))
  [[ -z $strange ]] || die "this release holds a file that its checksums do not know, $(printf %q "${strange%%$'\n'*}"): $again"
}

copy_release() {
  local partial=$releases/.partial
  rm -rf "$partial"
  cp -a --no-preserve=ownership "$source_folder" "$partial"
  # What was copied is what counts: the source may be changed meanwhile.
  (verify_release "$partial") || {
    rm -rf "$partial"
    exit 1
  }
  chmod -R u=rwX,go=rX "$partial"
  mv -T "$partial" "$releases/$release"
}

# released NAME: where `current` or `previous` points to, without the folder; nothing if nowhere.
released() {
  local target
  target=$(readlink "$opt/$1" || true)
  say "${target#releases/}"
}

# activate NAME: makes a release the current one, with the unit and the command that came with it.
activate() {
  link "releases/$1" "$opt/current"
  place_of_release "$1" painlens.service "$unit" 644
  place_of_release "$1" bin/painlens "$wrapper" 755
  settle_restarts
  reload_units
}

# place_of_release RELEASE FILE PATH MODE: in a dry run that release is not there yet.
place_of_release() {
  local file=$releases/$1/deploy/jetson/$2
  if [[ $dry_run == yes && ! -e $file ]]; then file=$here/$2; fi
  place "$file" "$3" "$4" root:root
}

# remember_previous NAME: what --rollback goes back to.
remember_previous() {
  [[ -n $1 && $1 != "$(released current)" ]] || return 0
  link "releases/$1" "$opt/previous"
}

# Keeps the current release and the one before.
prune_releases() {
  local path name
  for path in "$releases"/* "$releases"/.partial; do
    name=${path##*/}
    [[ -e $path && $name != "$(released current)" && $name != "$(released previous)" ]] || continue
    remove "$path"
  done
}

# The provider's archive stays in /opt/painlens/provider: the next version of painlens needs it, too.
provider_archive() { compgen -G "$opt/provider/*" | head -n 1 || true; }

keep_provider() {
  local kept=$opt/provider/${1##*/} other
  folder "$opt/provider" 755 root:root
  place "$1" "$kept" 644 root:root
  for other in "$opt"/provider/*; do
    [[ $other == "$kept" ]] || remove "$other"
  done
}

# install_provider ARCHIVE: into the release; without one, a new release gets the one that was kept.
install_provider() {
  local archive=${1:-$(provider_archive)} mark=$releases/$release/.provider
  if [[ -z $archive ]]; then
    if [[ $verdict == none ]]; then say '  none: the classifier runs on the CPU'; else
      say '  none given: until "--provider ARCHIVE" brings one, the classifier runs on the CPU'
    fi
  elif [[ -z $1 && -e $mark ]]; then
    say "  ${archive##*/}: nothing to do"
  else
    change "install ${archive##*/} and try it (painlens provider install)" run_provider "$archive" "$mark"
    keep_provider "$archive"
  fi
}

# Proved with the classifier that the config names; with the demonstration model where the config cannot be read yet.
run_provider() {
  local command=("$prefix$node" "$releases/$release/dist/main.js" provider install "$1") status=0
  CREDENTIALS_DIRECTORY=$etc/secrets "${command[@]}" --config "$etc/painlens.yaml" || status=$?
  if ((status == 2)); then
    status=0
    "${command[@]}" || status=$?
  fi
  if ((status != 0)); then
    restore_config
    die "the provider does not work with painlens $release, which was not activated. Start again without it, or with another."
  fi
  touch "$2"
}
