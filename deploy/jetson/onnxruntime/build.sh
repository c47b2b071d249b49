#!/usr/bin/env bash
# Builds ONNX Runtime with its CUDA provider and its Node.js binding on a Jetson, checks what comes out and packs it into
# one archive for `painlens provider install`. Run it again after an interruption: it continues where it was.
# Flags of ONNX Runtime's build.sh: tools/ci_build/build_args.py of its source; docs/operate/provider.md says why these.
set -euo pipefail

version=1.29.0
# The commit of tag v1.29.0, which the libraries in the npm package onnxruntime-node 1.29.0 say they were built from.
commit=2e2543fbe9
repository=https://github.com/microsoft/onnxruntime.git
napi=6
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=../lib/l4t.sh
source "$here/../lib/l4t.sh"

usage() {
  cat <<USAGE
Builds ONNX Runtime v$version with the CUDA provider for onnxruntime-node, on the Jetson it is for.

  build.sh [--out FOLDER] [--work FOLDER] [--jobs N] [--tensorrt] [--dry-run]
  build.sh --pack FOLDER [--out FOLDER]

  --out FOLDER        where the archive goes (default: here)
  --work FOLDER       where it is built, about 20 GB (default: ~/painlens-onnxruntime)
  --jobs N            how many compilers at a time (default: one for each 6 GB of memory, at least one)
  --tensorrt          build the TensorRT provider, too
  --cuda-home FOLDER  (default: /usr/local/cuda)
  --cudnn-home FOLDER (default: /usr/lib/aarch64-linux-gnu)
  --pack FOLDER       build nothing: check and pack the files of that folder
  --dry-run           print the commands and run none
  --system-root FOLDER  read /etc, /proc and /usr of the machine below this folder (for tests)
USAGE
}

fail() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }

out=$PWD work=${HOME:-/tmp}/painlens-onnxruntime jobs='' tensorrt=no dry_run=no pack_folder='' root=''
cuda_home=/usr/local/cuda cudnn_home=/usr/lib/aarch64-linux-gnu
while (($#)); do
  case $1 in
    --out | --work | --jobs | --cuda-home | --cudnn-home | --pack | --system-root)
      (($# > 1)) || fail "$1 needs a value (--help shows the options)"
      case $1 in
        --out) out=$2 ;; --work) work=$2 ;; --jobs) jobs=$2 ;; --cuda-home) cuda_home=$2 ;;
        --cudnn-home) cudnn_home=$2 ;; --pack) pack_folder=$2 ;; --system-root) root=${2%/} ;;
      esac
      shift 2 ;;
    --tensorrt) tensorrt=yes; shift ;;
    --dry-run) dry_run=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) fail "unknown option $1 (--help shows the options)" ;;
  esac
done
[[ -z $jobs || $jobs =~ ^[1-9][0-9]*$ ]] || fail "--jobs takes a number from 1 on, not $jobs"

# Runs a command, or prints it as a shell would take it.
run() {
  if [[ $dry_run == yes ]]; then
    printf '%q' "$1"; shift
    (($# == 0)) || printf ' %q' "$@"
    printf '\n'
  else
    "$@"
  fi
}

# --- the machine ---------------------------------------------------------------------------------------------------------

# The SoC by the device tree, where its name is the last of a list that is separated by NUL.
read_device() {
  local tree=$root/proc/device-tree/compatible soc=''
  [[ -r $tree ]] && soc=$(tr '\0' '\n' <"$tree" | sed -n 's/^nvidia,\(tegra[0-9]*\)$/\1/p' | tail -n 1)
  case $soc in
    tegra234) device='Jetson Orin' cuda_architecture=87 ;;
    tegra264) device='Jetson Thor' cuda_architecture=110 ;;
    '') fail "this is no Jetson ($tree names no NVIDIA Tegra); run it on the Jetson that the archive is for" ;;
    *) fail "$soc is neither Jetson Orin nor Jetson Thor; older Jetsons have no JetPack with CUDA 12" ;;
  esac
}

# JetPack's number by that of Jetson Linux.
read_jetpack() {
  local file=$root/etc/nv_tegra_release l4t
  [[ -r $file ]] || return 0
  l4t=$(l4t_of "$file")
  find_row "$l4t" || jetpack="of Jetson Linux $l4t"
}

# 12.6 of 12060
read_cuda() {
  local file=$root$cuda_home/include/cuda.h number
  cuda=''
  [[ -r $file ]] || return 0
  number=$(sed -n 's/^#define CUDA_VERSION \([0-9][0-9]*\).*/\1/p' "$file")
  [[ -z $number ]] || cuda=$((number / 1000)).$((number % 1000 / 10))
}

read_cudnn() {
  local header
  cudnn=''
  for header in "$root"/usr/include/{cudnn_version.h,aarch64-linux-gnu/cudnn_version_v9.h,cudnn_version_v9.h}; do
    [[ -r $header ]] || continue
    cudnn=$(sed -n 's/^#define CUDNN_\(MAJOR\|MINOR\|PATCHLEVEL\) \([0-9]*\).*/\2/p' "$header" | paste -sd.)
    return 0
  done
}

read_tensorrt() {
  local header
  tensorrt_version=''
  for header in "$root"/usr/include/{aarch64-linux-gnu/NvInferVersion.h,NvInferVersion.h}; do
    [[ -r $header ]] || continue
    tensorrt_version=$(sed -n 's/^#define \(NV_TENSORRT\|TRT\)_\(MAJOR\|MINOR\|PATCH\)\(_ENTERPRISE\)\? \([0-9][0-9]*\).*/\4/p' "$header" | head -n 3 | paste -sd.)
    return 0
  done
}

read_kilobytes() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" "$root/proc/meminfo"; }

# A compiler of CUDA code takes up to about 6 GB (github.com/microsoft/onnxruntime/pull/17419).
choose_jobs() {
  local memory swap cores
  memory=$(read_kilobytes MemTotal) swap=$(read_kilobytes SwapTotal)
  cores=$(grep -c '^processor' "$root/proc/cpuinfo") || cores=1
  if [[ -z $jobs ]]; then
    jobs=$((memory / (6 * 1024 * 1024)))
    ((jobs <= cores)) || jobs=$cores
    ((jobs >= 1)) || jobs=1
  fi
  if ((memory + swap < 12 * 1024 * 1024)); then
    say "Hint: memory and swap are $(((memory + swap) / 1024 / 1024)) GB together. If the compiler is killed, add swap and start again:"
    say '  sudo fallocate -l 8G /swapfile && sudo chmod 600 /swapfile && sudo mkswap /swapfile && sudo swapon /swapfile'
  fi
}

check_machine() {
  read_device; read_jetpack; read_cuda; read_cudnn; read_tensorrt
  [[ -n $cuda ]] || fail "there is no CUDA in $cuda_home; install JetPack's: sudo apt install nvidia-jetpack"
  [[ -n $cudnn ]] || fail 'there are no headers of cuDNN; install them: sudo apt install nvidia-jetpack'
  [[ $device != 'Jetson Thor' || ${cuda%%.*} -ge 13 ]] || fail "Jetson Thor needs CUDA 13 or later, $cuda_home is $cuda"
  [[ $tensorrt == no || -n $tensorrt_version ]] || fail 'there are no headers of TensorRT; install them: sudo apt install nvidia-jetpack'
  choose_jobs
  say "$device (compute capability $cuda_architecture), JetPack ${jetpack:-unknown}, CUDA $cuda, cuDNN $cudnn; $jobs at a time"
}

check_programs() {
  local missing=() program
  for program in git python3 g++ make node npm patch; do command -v "$program" >/dev/null || missing+=("$program"); done
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  ((${#missing[@]} == 0)) || fail "${missing[*]} missing; install: sudo apt install git build-essential python3-venv patch, and Node.js 20 (deploy/jetson)"
  [[ -x $cuda_home/bin/nvcc ]] || fail "$cuda_home/bin/nvcc is missing; install: sudo apt install nvidia-jetpack"
}

# --- the build -----------------------------------------------------------------------------------------------------------

fetch_source() {
  if [[ ! -d $work/source/.git ]]; then
    run rm -rf "$work/source.partial"
    run git clone --depth 1 --branch "v$version" --recurse-submodules --shallow-submodules "$repository" "$work/source.partial"
    run mv "$work/source.partial" "$work/source"
  fi
  [[ $dry_run == no ]] || { printf '# then HEAD has to be tag v%s, commit %s\n' "$version" "$commit"; return 0; }
  local tag head
  tag=$(git -C "$work/source" describe --tags --exact-match 2>/dev/null) || tag='no tag'
  head=$(git -C "$work/source" rev-parse HEAD)
  [[ $tag == "v$version" && $head == "$commit"* && $(<"$work/source/VERSION_NUMBER") == "$version" ]] ||
    fail "$work/source is $tag ($head), not v$version ($commit); remove that folder and start again"
}

# ONNX Runtime wants CMake 3.28, Ubuntu 22.04 has 3.22; and Ubuntu 24.04 lets pip install into such a folder only.
prepare_tools() {
  [[ -x $work/tools/bin/cmake ]] && return 0
  run python3 -m venv "$work/tools"
  run "$work/tools/bin/pip" install --quiet 'cmake>=3.28,<4' numpy packaging
}

build() {
  local defines flags
  defines=(
    "CMAKE_CUDA_ARCHITECTURES=$cuda_architecture"
    onnxruntime_BUILD_UNIT_TESTS=OFF
    # Kernels of language models, which take most of the time and memory; none of them is in a CNN.
    onnxruntime_USE_FLASH_ATTENTION=OFF
    onnxruntime_USE_LEAN_ATTENTION=OFF
    onnxruntime_USE_MEMORY_EFFICIENT_ATTENTION=OFF
    onnxruntime_USE_FPA_INTB_GEMM=OFF
    onnxruntime_USE_FP8_KV_CACHE=OFF
    # No telemetry.
    onnxruntime_USE_TELEMETRY=OFF
  )
  flags=(
    --config Release --build_shared_lib --build_nodejs --skip_tests --skip_submodule_sync --compile_no_warning_as_error
    --parallel "$jobs" --nvcc_threads 1
    --use_cuda --cuda_home "$cuda_home" --cudnn_home "$cudnn_home"
  )
  [[ $tensorrt == no ]] || flags+=(--use_tensorrt --tensorrt_home "$cudnn_home")
  # build.py refuses root unless told.
  [[ $EUID != 0 ]] || flags+=(--allow_running_as_root)
  run env "PATH=$work/tools/bin:$cuda_home/bin:$PATH" "CUDACXX=$cuda_home/bin/nvcc" \
    "$work/source/build.sh" "${flags[@]}" --cmake_extra_defines "${defines[@]}"
}

# Everything that belongs together into one folder; links are followed.
collect() {
  local node=$work/source/js/node/bin/napi-v$napi/linux/arm64 release=$work/source/build/Linux/Release
  local files=("$node/onnxruntime_binding.node" "$node/libonnxruntime.so.1"
    "$release/libonnxruntime_providers_shared.so" "$release/libonnxruntime_providers_cuda.so"
    "$work/source/LICENSE" "$work/source/ThirdPartyNotices.txt")
  [[ $tensorrt == no ]] || files+=("$release/libonnxruntime_providers_tensorrt.so")
  run rm -rf "$work/built"
  run mkdir -p "$work/built"
  run cp -L "${files[@]}" "$work/built/"
}

# --- the archive ---------------------------------------------------------------------------------------------------------

# e_machine of the ELF header, by Node.js's names.
elf_arch() {
  [[ $(od -An -tx1 -N4 "$1" | tr -d ' ') == 7f454c46 ]] || { echo 'no machine'; return 0; }
  case $(od -An -tu2 -j18 -N2 "$1" | tr -d ' ') in 62) echo x64 ;; 183) echo arm64 ;; *) echo 'another machine' ;; esac
}

check_needed() {
  local library=$1 listing missing
  listing=$(ldd "$library" 2>&1) || fail "ldd cannot read $library: $listing"
  missing=$(sed -n 's/^[[:space:]]*\(.*\) => not found.*/\1/p' <<<"$listing" | paste -sd' ')
  [[ -z $missing ]] || fail "$library needs $missing, not on this machine; install CUDA and cuDNN (sudo apt install nvidia-jetpack) and start again"
}

# The files of a folder as they will be installed: right machine, right version, all libraries there, and it loads.
check_files() {
  local folder=$1 arch=$2 library found backends provider
  for library in onnxruntime_binding.node libonnxruntime.so.1; do
    [[ -f $folder/$library ]] || fail "$folder/$library is missing"
    # The version of the symbols that the binding asks the library for.
    grep -aqF "VERS_$version" "$folder/$library" || fail "$folder/$library is not of ONNX Runtime $version"
  done
  for library in "$folder"/*.node "$folder"/*.so*; do
    found=$(elf_arch "$library")
    [[ $found == "$arch" ]] || fail "$library is for $found, this is $arch"
  done
  for library in "$folder"/*.node "$folder"/*.so*; do check_needed "$library"; done
  backends=$(node -e 'const { listSupportedBackends: list } = require(process.argv[1]); console.log(list().map((b) => b.name).join(" "))' \
    "$folder/onnxruntime_binding.node") || fail "$folder/onnxruntime_binding.node does not load"
  for provider in $providers; do
    [[ " $backends " == *" $provider "* ]] || fail "the binding was built without $provider (it has: $backends)"
  done
  # Since 1.29 cuDNN is loaded when the first convolution asks for it, so ldd does not know of it.
  [[ $providers != *cuda* ]] || PATH=$PATH:/sbin ldconfig -p | grep 'libcudnn\.so' >/dev/null || fail 'the loader finds no libcudnn.so; install: sudo apt install nvidia-jetpack'
}

pack() {
  local folder arch name target files
  folder=$(realpath -m "$1")
  case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) fail "painlens knows no $(uname -m)" ;; esac
  providers=cpu
  if [[ -f $folder/libonnxruntime_providers_cuda.so ]]; then providers+=' cuda'; else cuda='' cudnn=''; fi
  if [[ -f $folder/libonnxruntime_providers_tensorrt.so ]]; then providers+=' tensorrt'; else tensorrt_version=''; fi
  [[ $providers == cpu || -n $cuda ]] || fail "there is no CUDA in $cuda_home, whose version the archive has to name"
  check_files "$folder" "$arch"
  name=painlens-onnxruntime-$version-linux-$arch-${cuda:+cuda}${cuda:-cpu}.tar.gz
  node "$here/write-manifest.mjs" "$folder" onnxruntime="$version" napi="$napi" arch="$arch" "providers=$providers" \
    cuda="$cuda" cuda_architectures="${cuda:+$cuda_architecture}" cudnn="$cudnn" tensorrt="$tensorrt_version" jetpack="$jetpack"
  mkdir -p "$out"
  target=$(realpath -m "$out")/$name
  # The manifest first, so that it can be looked at without unpacking the rest.
  mapfile -t files < <(find "$folder" -maxdepth 1 -type f ! -name manifest.json -printf '%f\n' | LC_ALL=C sort)
  tar --format=ustar --owner=0 --group=0 --numeric-owner --mode=0644 -C "$folder" -cf - manifest.json "${files[@]}" |
    gzip -n >"$target.partial"
  mv "$target.partial" "$target"
  (cd "$(dirname "$target")" && sha256sum "$name" >"$name.sha256")
  say "$target"
  say "Next: sudo painlens provider install $target"
}

if [[ -n $pack_folder ]]; then
  [[ -d $pack_folder ]] || fail "$pack_folder is not a folder"
  cuda_architecture='' jetpack='' cuda='' cudnn='' tensorrt_version=''
  if [[ -f $pack_folder/libonnxruntime_providers_cuda.so ]]; then read_cuda; read_cudnn; read_tensorrt; read_jetpack; [[ -r $root/proc/device-tree/compatible ]] && read_device; fi
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  cp -L "$pack_folder"/* "$copy/"
  rm -f "$copy/manifest.json" "$copy/painlens-provider.json"
  pack "$copy"
  exit 0
fi

check_machine
if [[ $dry_run == no ]]; then
  check_programs
  mkdir -p "$work"
fi
fetch_source
prepare_tools
build
collect
if [[ $dry_run == yes ]]; then
  printf '# then %s is checked and packed as %s\n' "$work/built" "$out/painlens-onnxruntime-$version-linux-arm64-cuda$cuda.tar.gz"
else
  [[ -f $work/built/libonnxruntime_providers_cuda.so ]] || fail 'the build has made no CUDA provider'
  pack "$work/built"
fi
