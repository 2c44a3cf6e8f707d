# setup.sh - sourced by tests/run.sh and bench/demo.sh: makes sure that the build tools are there.
#
# On Debian and Ubuntu what is missing is installed (as root, or through sudo).  Elsewhere, or without the
# right to install, the build goes on with what there is: only a C and a C++ compiler, make and cmake are
# indispensable.

say() { printf '== %s\n' "$*"; }

have() { command -v "$1" >/dev/null 2>&1; }

# Is a header file there that some -dev package brings?
have_header() { printf '#include <%s>\n' "$1" | cc -E -x c - -I/usr/include/openblas >/dev/null 2>&1; }

# What else a script can use: it sets further_packages.
missing_packages() {
  have cc || echo gcc libc6-dev
  have c++ || echo g++
  have make || echo make
  have cmake || echo cmake
  have ninja || echo ninja-build # its own work on the tests' 1,500 files is a sixth of make's
  have pkg-config || echo pkg-config # how the tests link the installed library
  have cc && have_header cjson/cJSON.h || echo libcjson-dev
  have cc && have_header zlib.h || echo zlib1g-dev
  have cc && have_header sndfile.h || echo libsndfile1-dev
  have cc && have_header png.h || echo libpng-dev
  echo "${further_packages-}" | grep .
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_missing() {
  packages=$(missing_packages | tr '\n' ' ')
  [ -n "$packages" ] || return 0
  if ! have apt-get; then
    say "not installed, and this is not Debian: $packages"
    return 0
  fi
  say "installing: $packages"
  as_root apt-get update -qq >/dev/null 2>&1 || true
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null 2>&1 ||
    say "could not install: $packages (going on without)"
}

# Folders that are new are built by ninja where it is.
need_tools() {
  for tool in cc c++ make cmake; do
    have "$tool" && continue
    echo "$tool is needed and could not be installed" >&2
    exit 1
  done
  if have ninja; then export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}"; fi
}

processors() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }
