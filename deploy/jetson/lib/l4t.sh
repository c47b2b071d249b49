# Which JetPack a Jetson Linux (L4T) belongs to; for install.sh and onnxruntime/build.sh.
# shellcheck shell=bash disable=SC2034 # variables are shared; the scripts are checked with all parts

# Releases of Jetson Linux, the JetPack that NVIDIA's archive (https://developer.nvidia.com/embedded/jetson-linux-archive)
# names for each, and that JetPack's Ubuntu, CUDA and cuDNN. No Ubuntu: a JetPack that painlens is not made for. No cuDNN
# (-): any will do. The first row that fits holds.
jetpacks=(
  '36.4.3      6.2   22.04 12.6 9.3'
  '36.4.[4-9]* 6.2.1 22.04 12.6 9.3'
  '36.5*       6.2.2 22.04 12.6 9.3'
  '39.2*       7.2   24.04 13.2 -'
  '32.*        4'
  '3[45].*     5'
  '36.[0-3]*   6.0'
  '36.4*       6.1'
  '38.2*       7.0'
  '38.4*       7.1'
)

# The row that fits.
jetpack='' wanted_ubuntu='' wanted_cuda='' wanted_cudnn=''

# find_row L4T: fills them; fails where no row fits.
find_row() {
  local row pattern
  for row in "${jetpacks[@]}"; do
    read -r pattern jetpack wanted_ubuntu wanted_cuda wanted_cudnn <<<"$row"
    # shellcheck disable=SC2053 # a pattern is meant
    [[ $1 != $pattern ]] || return 0
  done
  jetpack='' wanted_ubuntu='' wanted_cuda='' wanted_cudnn=''
  return 1
}

# l4t_of FILE: "# R36 (release), REVISION: 4.3, GCID: …" is 36.4.3.
l4t_of() { sed -n 's/^# R\([0-9]*\)[^,]*, REVISION: \([0-9.]*\).*/\1.\2/p' "$1" | head -n 1; }
