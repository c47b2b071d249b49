# Which JetPack this box has, from the files that say so.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared; install.sh is checked with all parts

# Filled by find_jetpack: what was found, and where.
l4t='' l4t_from='' package_l4t='' ubuntu='' cuda='' cuda_from='' cudnn='' cudnn_from=''
# fits, parts (of it, something is missing or different), other (JetPack), none (no Jetson).
verdict=''

find_jetpack() {
  find_l4t
  find_ubuntu
  find_cuda
  find_cudnn
  match_jetpack
}

# The package nvidia-l4t-core has it as 36.4.3-20250107174145.
find_l4t() {
  local file=$prefix/etc/nv_tegra_release
  if [[ -r $file ]]; then
    l4t=$(l4t_of "$file")
    l4t_from=/etc/nv_tegra_release
  fi
  package_l4t=$(package_version nvidia-l4t-core)
  package_l4t=${package_l4t%%-*}
  if [[ -n $package_l4t && $package_l4t != "$l4t" ]]; then
    if [[ -n $l4t ]]; then l4t_from="nvidia-l4t-core (/etc/nv_tegra_release: $l4t)"; else l4t_from=nvidia-l4t-core; fi
    l4t=$package_l4t
  fi
}

find_ubuntu() {
  local name='' number='' file=$prefix/etc/os-release
  [[ -r $file ]] || return 0
  name=$(sed -n 's/^ID="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$file")
  number=$(sed -n 's/^VERSION_ID="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$file")
  if [[ $name == ubuntu ]]; then ubuntu=$number; else ubuntu="$name $number"; fi
}

# {"cuda": {"name": "CUDA SDK", "version": "12.6.10"}, …}; older ones have version.txt.
find_cuda() {
  local root=$prefix/usr/local/cuda
  if [[ -r $root/version.json ]]; then
    cuda=$(tr -d '\n' <"$root/version.json" | sed -n 's/.*"cuda"[^}]*"version"[^"]*"\([0-9]*\.[0-9]*\).*/\1/p')
    cuda_from=/usr/local/cuda/version.json
  elif [[ -r $root/version.txt ]]; then
    cuda=$(sed -n 's/^CUDA Version \([0-9]*\.[0-9]*\).*/\1/p' "$root/version.txt")
    cuda_from=/usr/local/cuda/version.txt
  fi
}

# The header comes with the development package only, the library's package is enough to run.
find_cudnn() {
  local header
  for header in "$prefix"/usr/include/{,aarch64-linux-gnu/}cudnn_version{,_v9,_v8}.h; do
    [[ -r $header ]] || continue
    cudnn="$(header_number MAJOR "$header").$(header_number MINOR "$header")"
    cudnn_from=${header#"$prefix"}
    return
  done
  for cudnn_from in libcudnn9-cuda-13 libcudnn9-cuda-12 libcudnn8; do
    cudnn=$(package_version "$cudnn_from" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
    [[ -z $cudnn ]] || return 0
  done
  cudnn_from=''
}

header_number() { sed -n "s/^#define CUDNN_$1 \([0-9]*\).*/\1/p" "$2"; }

# package_version NAME: of an installed package of Debian's; else nothing.
package_version() {
  local status=$prefix/var/lib/dpkg/status
  [[ -r $status ]] || return 0
  # Version comes after Package and Status, in paragraphs that an empty line ends.
  sed -n "/^Package: $1\$/,/^\$/{/^Status: .* installed\$/h;/^Version: /{x;/installed/{x;s/^Version: //p;q}}}" "$status"
}

match_jetpack() {
  if [[ -z $l4t ]]; then
    verdict=none
    return
  fi
  verdict=other
  if find_row "$l4t" && [[ -n $wanted_ubuntu ]]; then verdict=$(parts_verdict); fi
}

parts_verdict() {
  if [[ $ubuntu == "$wanted_ubuntu" && $cuda == "$wanted_cuda" ]] && cudnn_fits; then say fits; else say parts; fi
}

cudnn_fits() { [[ $cudnn == "$wanted_cudnn" || ($wanted_cudnn == - && -n $cudnn) ]]; }

show_jetpack() {
  table_row '' found "$([[ -z $wanted_ubuntu ]] || say "JetPack $jetpack")" 'says'
  table_row 'Jetson Linux' "$l4t" "${wanted_ubuntu:+$l4t}" "$l4t_from"
  table_row Ubuntu "$ubuntu" "$wanted_ubuntu" /etc/os-release
  table_row CUDA "$cuda" "$wanted_cuda" "$cuda_from"
  table_row cuDNN "$cudnn" "${wanted_cudnn/#-/any}" "$cudnn_from"
  say ''
  case $verdict in
    fits) say "This is JetPack $jetpack, which painlens is made for." ;;
    parts) say "This is JetPack $jetpack, but not all of it is as NVIDIA ships it: compare the table's columns." ;;
    other) say "This is ${jetpack:+JetPack $jetpack with }Jetson Linux $l4t. painlens is made for JetPack 6.2 and 7.2." ;;
    none) say 'This is no Jetson: neither /etc/nv_tegra_release nor the package nvidia-l4t-core is here.' ;;
  esac
}

table_row() { printf '  %-13s %-13s %-12s %s\n' "$1" "${2:--}" "$3" "$4" | sed 's/ *$//'; }

# Why the GPU would not be used, and what to do about it.
declare -A gpu_remedies=(
  [parts]='Install what is missing with "sudo apt-get install nvidia-jetpack" and start again.'
  [other]="Put JetPack 6.2 or 7.2 onto the box with NVIDIA's SDK Manager and start again."
  [none]='On a Jetson this would be JetPack 6.2 or 7.2.'
)

# settle_processor CPU_ONLY: continues where the GPU can be used, or where --cpu-only was given.
settle_processor() {
  local answer=no
  [[ $verdict != fits ]] || return 0
  if [[ $1 == yes ]]; then
    say 'The classifier will run on the CPU (--cpu-only).'
    return
  fi
  say "${gpu_remedies[$verdict]}"
  if [[ $dry_run == yes ]]; then
    say '  would ask whether to install for the CPU alone; without a terminal only --cpu-only does'
    return
  fi
  if [[ -t 0 ]]; then read -r -p 'Install painlens for the CPU alone? [y/N] ' answer; fi
  [[ $answer == [yYjJ]* ]] || die 'nothing was installed; --cpu-only installs painlens for the CPU alone.'
}
