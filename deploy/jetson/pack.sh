#!/usr/bin/env bash
# Packs a release of painlens from this checkout: all that a box needs, but Node.js, ffmpeg and GStreamer.
#
#   deploy/jetson/pack.sh [--arch arm64|x64] [--out DIR]     npm run pack:release -- --arch arm64
#
#   --arch ARCH   for which boxes: arm64 is a Jetson (default: this machine's)
#   --out DIR     where painlens-VERSION-linux-ARCH.tar.gz and its .sha256 go (default: here)
#   --folder DIR  leave it unpacked in DIR instead
#
# Needs Node.js and npm, and the internet. Exit codes: 0 packed, 1 failed, 2 wrong usage.

# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=lib/common.sh
source "$here/lib/common.sh"
# shellcheck source=lib/release.sh
source "$here/lib/release.sh"

checkout=$(cd "$here/../.." && pwd -P)
arch=${architectures[$(uname -m)]:-}
out=$PWD folder=''
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

read_options() {
  while (($# > 0)); do
    case $1 in
      --arch)
        arch=$(value_option "$@")
        shift
        ;;
      --out)
        out=$(value_option "$@")
        shift
        ;;
      --folder)
        folder=$(value_option "$@")
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
  [[ $arch == arm64 || $arch == x64 ]] || refuse "--arch ${arch:-of this machine}: arm64 and x64 can be packed"
  [[ -n $folder || -d $out ]] || refuse "--out $out: there is no such folder"
}

build() {
  step 'Building'
  node "$checkout/scripts/setup.mjs" build
}

# Without install scripts, since those would look at this machine: every package brings what it needs ready-made.
install_modules() {
  step "Installing packages for linux-$arch"
  mkdir "$1"
  cp "$checkout/package.json" "$checkout/package-lock.json" "$1"
  (cd "$1" && ONNXRUNTIME_NODE_INSTALL=skip npm ci --omit=dev --ignore-scripts --os=linux --cpu="$arch" --libc=glibc \
    --no-audit --no-fund --loglevel=error)
}

# The list of what ships is ships.mjs beside stage.mjs.
stage() {
  step 'Laying out what ships'
  node "$checkout/deploy/pack/stage.mjs" --kind release --arch "$arch" --modules "$2/node_modules" --to "$1"
}

# What install.sh goes by: for which machines this is, and how each file has to be.
seal() {
  printf 'version=%s\narch=%s\n' "$(json_field version "$1/package.json")" "$arch" >"$1/RELEASE"
  chmod -R u=rwX,go=rX "$1"
  (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) >"$scratch/sums"
  install -m 644 "$scratch/sums" "$1/SHA256SUMS"
}

make_archive() {
  local name=$1 file
  file=$name-linux-$arch.tar.gz
  step "Writing $out/$file"
  tar -C "$scratch" --sort=name --owner=0 --group=0 --numeric-owner -czf "$out/$file" "$name"
  (cd "$out" && sha256sum "$file" >"$file.sha256")
  du -h "$out/$file"
}

read_options "$@"
build
name=painlens-$(json_field version "$checkout/package.json")
staged=$scratch/$name
install_modules "$scratch/packages"
stage "$staged" "$scratch/packages"
seal "$staged"
if [[ -n $folder ]]; then mv -T "$staged" "$folder"; else make_archive "$name"; fi
