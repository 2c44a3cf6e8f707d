#!/bin/sh
# test_grown.sh BUILD_FOLDER SOURCE_FOLDER - a program of libseqgpu 0.2 runs with a library of larger structs.
#
# The public headers are copied, and each struct that may grow gets one more field at its end; host/ is
# compiled against the copy and linked with core/ as it is.  tests/abi/client_0_2.c, compiled against the
# frozen tests/abi/seqgpu_0_2.h alone, must print the same with that library as with the ordinary one.
#
# A new struct that crosses the boundary joins the list below (and the frozen header of its first version).
set -u
build=$1
source=$2
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$source/tests/report.sh"
CC=${CC:-cc}
growing="context_options drawer_desc transcriber_desc cell_info rnn_desc plan_options algorithm_info cut_info plan_sizes param_info part_info rnn_run param
  optimizer hessian_free_options hessian_free_report esn_desc tensor_info import_info format_info npy_info dl_source dl_view schedule
  speaker_desc speaker_batch tagger_desc tagger_batch classifier_desc composer_desc watcher_desc
  translator_desc translator_batch translator_options translator_answers captioner_desc captioner_batch
  writer_desc writer_batch"
libraries=$(sed -n 's/^Libs.private: //p' "$build/seqgpu.pc")
defines=-DSEQGPU_PERSISTENT

grow() { # every struct of the list, once
  cp -r "$source/host/include" "$temp/include"
  for struct in $growing; do
    sed -i "s/^} seqgpu_$struct;/  int64_t grown;\n&/" "$temp"/include/seqgpu/*.h
  done
  [ "$(cat "$temp"/include/seqgpu/*.h | grep -c '^  int64_t grown;')" = "$(echo $growing | wc -w)" ]
}

compile_host() {
  mkdir "$temp/host"
  for file in "$source"/host/*/*.c; do
    case $file in */cli/* | */data/* | */examples/*) continue ;; esac
    "$CC" -std=c17 -ffp-contract=fast -fno-math-errno -fno-trapping-math $defines -I"$temp/include" -I"$source" -c "$file" \
      -o "$temp/host/$(basename "$(dirname "$file")")_$(basename "$file" .c).o" || return 1
  done
}

link() { # PROGRAM OBJECTS...
  program=$1
  shift
  # shellcheck disable=SC2086
  "$CC" -std=c17 -Wall -Wextra -I"$source/tests/abi" "$source/tests/abi/client_0_2.c" "$@" $libraries -o "$temp/$program"
}

run() { # PROGRAM
  "$temp/$1" "$temp/$1.safetensors" >"$temp/$1.txt" && return
  tail -n 1 "$temp/$1.txt"
  return 1
}

check "every struct of the list grows" grow
check "the library compiles with grown structs" compile_host
check "the client links with the library as it is" link ordinary "$build/libseqgpu.a"
check "the client links with the grown library" link grown "$temp"/host/*.o "$build/libseqgpu_internal.a"
check "the client runs with the library as it is" run ordinary
check "the client runs with the grown library" run grown
check "both print the same" diff "$temp/ordinary.txt" "$temp/grown.txt"
finish
