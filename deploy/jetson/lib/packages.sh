# Node.js, ffmpeg and GStreamer: from the distribution, Node.js from NodeSource where the distribution's is too old.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared; install.sh is checked with all parts

least_node=20.9
# A long-term support release, kept up to 2028-04-30.
nodesource_release=24

# Package, and a file by which it is recognised.
packages_for_all=('ffmpeg /usr/bin/ffmpeg')
# For `decoder: nvidia`: ffmpeg hands the stream on to the Jetson's own decoder.
packages_for_jetson=(
  'gstreamer1.0-tools /usr/bin/gst-launch-1.0'
  'gstreamer1.0-plugins-base /usr/lib/*/gstreamer-1.0/libgstvideoconvert*.so'
  'gstreamer1.0-plugins-bad /usr/lib/*/gstreamer-1.0/libgstvideoparsersbad.so'
  'nvidia-l4t-gstreamer /usr/lib/*/gstreamer-1.0/libgstnvvideo4linux2.so'
)

# The unit calls /usr/bin/node, so that one is checked.
node=/usr/bin/node

# As has_node found it.
node_version=''

has_node() {
  node_version=$("$prefix$node" --version 2>/dev/null || true)
  node_version=${node_version#v}
  [[ -n $node_version ]] && at_least "$node_version" "$least_node"
}

missing_packages() {
  local row package file
  local rows=("${packages_for_all[@]}")
  if [[ $verdict != none ]]; then rows+=("${packages_for_jetson[@]}"); fi
  for row in "${rows[@]}"; do
    read -r package file <<<"$row"
    compgen -G "$prefix$file" >/dev/null || say "$package"
  done
}

install_packages() {
  local missing apt
  mapfile -t missing < <(missing_packages)
  if ! has_node; then missing+=(nodejs); fi
  if [[ ${#missing[@]} == 0 ]]; then
    say "  Node.js $node_version, ffmpeg$([[ $verdict == none ]] || say ', GStreamer'): all here"
    return
  fi
  apt=$(program apt-get)
  if [[ -z $apt ]]; then
    no_apt "${missing[@]}"
    return
  fi
  change 'read the package lists' apt_get "$apt" update -qq
  if [[ ${missing[-1]} == nodejs ]]; then settle_node_source "$apt"; fi
  change "install ${missing[*]}" apt_get "$apt" install -y -qq --no-install-recommends "${missing[@]}"
  if [[ $dry_run != yes ]]; then has_node || die "$node is ${node_version:-missing}, painlens needs $least_node or later."; fi
}

# Below a prefix that is not an error: the image, or the test, has its own.
no_apt() {
  set -- "${@/#nodejs/Node.js $least_node or later as $node}"
  [[ -n $prefix ]] || die "there is no apt-get here; install $*, then start again."
  say "  left out, there is no apt-get${prefix:+ below $prefix}: $*"
}

# The output of apt-get only where it fails.
apt_get() {
  local said
  said=$(DEBIAN_FRONTEND=noninteractive "$@" 2>&1) && return
  say "$said" | tail -n 20 >&2
  die "apt-get failed, see its last lines above. Without internet, bring the packages along (docs/operate/install.md)."
}

settle_node_source() {
  local apt=$1 offered
  offered=$(candidate nodejs)
  if [[ -n $offered ]] && at_least "$offered" "$least_node"; then
    say "  Node.js $offered comes from the distribution"
    return
  fi
  say "  Node.js $least_node or later has to come from NodeSource: the distribution has ${offered:-none}"
  if [[ -z $(compgen -G "$prefix/etc/ssl/certs/ca-certificates.crt") ]]; then
    change 'install ca-certificates' apt_get "$apt" install -y -qq --no-install-recommends ca-certificates
  fi
  add_nodesource
  change "read NodeSource's package list" apt_get "$apt" update -qq
  [[ $dry_run == no ]] || return 0
  # apt-get update succeeds even if some lists could not be read.
  offered=$(candidate nodejs)
  at_least "${offered:-0}" "$least_node" ||
    die "NodeSource cannot be reached. Without internet, bring the packages along (docs/operate/install.md)."
}

# The version that apt would install, without epoch and revision.
candidate() {
  local cache
  cache=$(program apt-cache)
  [[ -n $cache ]] || return 0
  "$cache" policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([0-9]*:\)\{0,1\}\([0-9.]*\).*/\2/p'
}

# The key comes with painlens, so the network need not be trusted.
add_nodesource() {
  local list
  list=$(mktemp)
  cat >"$list" <<END
# Node.js for painlens; Ubuntu's own is too old for it.
Types: deb
URIs: https://deb.nodesource.com/node_$nodesource_release.x
Suites: nodistro
Components: main
Signed-By: /etc/apt/keyrings/nodesource.asc
END
  folder "$prefix/etc/apt/keyrings" 755 root:root
  place "$here/lib/nodesource.asc" "$prefix/etc/apt/keyrings/nodesource.asc" 644 root:root
  place "$list" "$prefix/etc/apt/sources.list.d/nodesource.sources" 644 root:root
  rm -f "$list"
}
