#!/bin/sh
# test_install.sh BUILD_FOLDER SOURCE_FOLDER - the installed library as other people use it: client.c as C99, C11 and C++17,
# through pkg-config and find_package with the shared and with the static library, and inside another build by
# FetchContent, and from the Debian packages.  Also: what is installed, that it may be moved, and that it can be removed again.
#
# The library is not built again but once, inside the other build, and there without optimisation.
set -u
build=$1
root=$2
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$root/tests/report.sh"
client=$root/tests/client.c
strict="-Wall -Wextra -Wconversion -pedantic -Werror"

# ---------------------------------------------------------------- what is installed
check "install" cmake --install "$build" --prefix "$temp/first"
find "$temp/first" -type f -o -type l >"$temp/manifest.txt" # the build's own may be of another test's installation
installed() { [ -n "$(find "$temp/first" -path "*$1")" ]; }
for file in include/seqgpu/seqgpu.h lib*/libseqgpu.so lib*/libseqgpu.a pkgconfig/seqgpu.pc seqgpu-config.cmake bin/seqgpu \
  man1/seqgpu.1 doc/seqgpu/LICENSE doc/seqgpu/cells.md; do
  check "installed: $file" installed "/$file"
done

no_paths() { ! grep -rnE "$build|$root|$temp" "$1" && ! grep -rn '/usr/[a-z0-9_/-]*lib[a-z]*\.\(so\|a\)' "$1"; }
mv "$temp/first" "$temp/moved" # everything below works from here
prefix=$temp/moved
libdir=$(dirname "$(find "$prefix" -name libseqgpu.a)")
check "seqgpu.pc holds no path of this machine" no_paths "$libdir/pkgconfig"
if grep -q '^SEQGPU_CUDA_FOUND' "$build/CMakeCache.txt" || grep -q '^CUDAToolkit_BIN_DIR' "$build/CMakeCache.txt"; then
  skip "the CMake package holds no path of this machine" "this build has CUDA, whose static library is found by its own package"
else
  check "the CMake package holds no path of this machine" no_paths "$libdir/cmake"
fi

# ---------------------------------------------------------------- headers
for header in "$prefix"/include/seqgpu/*.h; do
  public=seqgpu/$(basename "$header")
  echo "#include <$public>" >"$temp/one.c"
  for standard in c99 c11; do
    # shellcheck disable=SC2086
    check "$public as $standard" cc -std=$standard $strict -I"$prefix/include" -fsyntax-only "$temp/one.c"
  done
  # shellcheck disable=SC2086
  check "$public as c++17" c++ -std=c++17 $strict -I"$prefix/include" -fsyntax-only -x c++ "$temp/one.c"
done

# ---------------------------------------------------------------- pkg-config
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
uses_no_shared_seqgpu() { ! ldd "$1" | grep libseqgpu; }

linked() { # NAME OPTIONS: the client in each language
  options=$2
  for language in c99 c11 c++17; do
    case $language in c++*) compiler="c++ -x c++" ;; *) compiler="cc -x c" ;; esac
    program=$temp/client_$1_$language
    # shellcheck disable=SC2046,SC2086
    check "pkg-config $options $language: links" $compiler -std=$language $strict "$client" -x none -o "$program" \
      $(pkg-config --cflags --libs $options seqgpu) -lm
    check "pkg-config $options $language: runs" "$program"
  done
}

if command -v pkg-config >/dev/null 2>&1; then
  PKG_CONFIG_PATH=$libdir/pkgconfig
  export PKG_CONFIG_PATH
  check "pkg-config finds seqgpu" pkg-config --exists --print-errors seqgpu
  linked shared --shared
  linked moved --define-prefix
  mkdir "$temp/aside"
  mv "$libdir"/libseqgpu.so* "$temp/aside" # so that -lseqgpu is libseqgpu.a
  linked static --static
  check "pkg-config --static: the program holds the library" uses_no_shared_seqgpu "$temp/client_static_c99"
  mv "$temp/aside"/* "$libdir"
else
  skip "links through pkg-config" "no pkg-config here"
fi

# ---------------------------------------------------------------- CMake
# One consumer for all ways: how the library comes is its variable WAY.
mkdir -p "$temp/consumer"
cat >"$temp/consumer/CMakeLists.txt" <<'END_OF_CMAKE'
cmake_minimum_required(VERSION 3.21)
project(consumer C)
if(WAY STREQUAL "find_package")
  find_package(seqgpu 0.2 REQUIRED)
else() # which ends in an add_subdirectory
  include(FetchContent)
  FetchContent_Declare(seqgpu SOURCE_DIR ${SEQGPU_ROOT})
  FetchContent_MakeAvailable(seqgpu)
endif()
foreach(library seqgpu seqgpu_static)
  add_executable(client_${library} ${CLIENT})
  target_link_libraries(client_${library} PRIVATE seqgpu::${library} m)
endforeach()
add_custom_target(host) # names that another project may have, too
add_custom_target(uninstall)
END_OF_CMAKE

configured() { # FOLDER OPTIONS...
  folder=$1
  shift
  cmake -S "$temp/consumer" -B "$temp/$folder" -DCLIENT="$client" -DCMAKE_BUILD_TYPE= "$@"
}

no_cxx() { ! grep -q '^CMAKE_CXX_COMPILER:' "$temp/$1/CMakeCache.txt"; }
launcher=$(sed -n 's/^CMAKE_C_COMPILER_LAUNCHER:[A-Z]*=//p' "$build/CMakeCache.txt")
inside="-DSEQGPU_ROOT=$root -DSEQGPU_CUDA=OFF -DCMAKE_C_COMPILER_LAUNCHER=$launcher"
check "find_package: configures" configured find_package -DWAY=find_package -DCMAKE_PREFIX_PATH="$prefix"
check "find_package: builds" cmake --build "$temp/find_package"
# shellcheck disable=SC2086
check "FetchContent: configures, without a C++ compiler" configured inside -DWAY=FetchContent $inside
check "FetchContent: C++ was not asked for" no_cxx inside
check "FetchContent: builds" cmake --build "$temp/inside" --target client_seqgpu client_seqgpu_static -j 2
for way in find_package inside; do
  for library in seqgpu seqgpu_static; do
    program=$(find "$temp/$way" -type f -name "client_$library" -perm -u+x)
    check "$way: $library runs" "$program"
  done
done

# ---------------------------------------------------------------- a closed standard stream
# The log must not become the standard output of a program that was started without one.
log_alone() {
  echo "all work and no play makes a dull text, all work and no play makes a dull text" >"$temp/text.txt"
  "$prefix/bin/seqgpu" train charlm --device cpu --text "$temp/text.txt" --steps 2 --hidden 4 --seq-len 4 --batch 2 \
    --log "$temp/log.jsonl" >&- && [ -s "$temp/log.jsonl" ] && ! grep -v '^{' "$temp/log.jsonl"
}
check "the program prints into no file where standard output is closed" log_alone

# ---------------------------------------------------------------- Debian packages
packed() { (cd "$temp" && cpack --config "$build/CPackConfig.cmake" -D CPACK_DEBIAN_COMPRESSION_TYPE=none -B "$temp/deb"); }
unpacked() { for package in "$temp"/deb/*.deb; do dpkg-deb -x "$package" "$temp/debian" || return 1; done; }
depends() { dpkg-deb -f "$temp"/deb/libseqgpu-dev_*.deb Depends | grep -q '^libseqgpu[0-9.]* (= '; }
from_packages() { # the shared library of one package, by the headers of the other
  library=$(dirname "$(find "$temp/debian" -name libseqgpu.so)")
  cc -std=c99 -I"$temp/debian/usr/include" "$client" -L"$library" -lseqgpu -lm -o "$temp/client_deb" &&
    LD_LIBRARY_PATH=$library "$temp/client_deb"
}
have() { command -v "$1" >/dev/null 2>&1; }
if have cpack && have dpkg-deb && have dpkg-shlibdeps; then
  check "three Debian packages are made" packed
  check "there are three" test "$(find "$temp/deb" -maxdepth 1 -name '*.deb' | wc -l)" = 3
  check "libseqgpu-dev depends on the library of its version" depends
  check "they unpack" unpacked
  check "the client runs with what is in them" from_packages
  check "the program in them runs" "$temp/debian/usr/bin/seqgpu" --version
else
  skip "Debian packages" "no cpack, dpkg-deb or dpkg-shlibdeps here"
fi

# ---------------------------------------------------------------- the way back
sed -i "s#^$temp/first#$prefix#" "$temp/manifest.txt"
check "uninstall" cmake -D MANIFEST="$temp/manifest.txt" -P "$root/host/cmake/uninstall.cmake"
nothing_left() { ! find "$prefix" -type f | grep . && ! find "$prefix" -name 'seqgpu*' | grep .; }
check "uninstall leaves nothing of ours" nothing_left
finish
