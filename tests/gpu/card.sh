# card.sh - sourced by gpu.sh: what this machine has, the card and the libraries around it.
# shellcheck shell=sh

have() { command -v "$1" >/dev/null 2>&1; }

# A question that hangs where the driver does must not take the answer with it.
ask() { timeout -k 2 20 "$@" 2>/dev/null; }

has_gpu() {
  if [ "$kind" = soft ]; then return 0
  elif have nvidia-smi; then ask nvidia-smi -L | grep -q '^GPU'; else [ -e /dev/nvidia0 ]; fi
}

ask_card() {
  case $kind$1 in
    softname) echo "software device" ;;
    soft*) echo none ;;
    *) ask nvidia-smi --query-gpu="$1" --format=csv,noheader | head -n 1 ;;
  esac
}

# "90a-real" of compute capability 9.0: from 9.0 on the instructions of this very family.
architecture() {
  number=$(ask_card compute_cap | tr -d '.')
  case $number in
    '') echo native ;;
    [1-8]?) echo "$number-real" ;;
    *) echo "${number}a-real" ;;
  esac
}

commit() {
  if [ -n "${SEQGPU_COMMIT:-}" ]; then
    echo "$SEQGPU_COMMIT"
  else
    git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || echo unknown
  fi
}

# A tool of the toolkit, which need not be on the path.
tool() { # NAME
  command -v "$1" ||
    find -L /usr/local/cuda /opt/nvidia -maxdepth 3 -name "$1" -type f -perm -u+x 2>/dev/null | head -n 1
}

# What a reader of the results may want to know of this machine.
describe_machine() {
  uname -a
  getconf _NPROCESSORS_ONLN
  for program in cmake cc python3 nvcc /usr/local/cuda/bin/nvcc; do have "$program" && "$program" --version; done
  echo "LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}"
  [ "$kind" = soft ] || ask nvidia-smi -q
}

# The folders nvidia/ of installed Python packages: PyTorch brings cuBLAS, cuFFT and cuDNN in them.
python_packages() {
  have python3 || return 0
  ask python3 -c 'import nvidia; print("\n".join(nvidia.__path__))'
}

# Those libraries are opened when they are first called (kernels/library.h), so the loader must find them.
use_python_libraries() {
  for library in $(python_packages | while read -r folder; do find "$folder" -name 'lib*.so.*' 2>/dev/null; done); do
    folder=$(dirname "$library")
    case :${LD_LIBRARY_PATH:-}: in
      *:"$folder":*) ;;
      *) LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder ;;
    esac
  done
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}"
}

nvcc_path() { command -v nvcc || echo /usr/local/cuda/bin/nvcc; }

# Where the toolkit has no cuBLAS or cuFFT, the same packages have headers and libraries.
toolkit_has_libraries() {
  toolkit=$(dirname "$(dirname "$(readlink -f "$(nvcc_path)")")")
  [ -n "$(find -L "$toolkit" -name cublas_v2.h 2>/dev/null | head -n 1)" ]
}

python_libraries() { # as options for CMake
  toolkit_has_libraries && return
  for packages in $(python_packages); do
    for library in cublas cublasLt cufft; do
      file=$(find "$packages" -name "lib$library.so.*" | head -n 1)
      [ -z "$file" ] || echo "-DCUDA_${library}_LIBRARY=$file"
    done
  done
}

# Flags for nvcc: those headers; and several threads for a file, without which a machine of many processors waits
# for the largest one.  The machine code is the same.
nvcc_flags() {
  ! "$(nvcc_path)" --help 2>/dev/null | grep -q -e --split-compile || printf ' --split-compile=0'
  toolkit_has_libraries && return
  for packages in $(python_packages); do
    for header in cublas_v2.h cufft.h; do
      file=$(find "$packages" -name "$header" | head -n 1)
      [ -z "$file" ] || printf ' -I%s' "$(dirname "$file")"
    done
  done
}
