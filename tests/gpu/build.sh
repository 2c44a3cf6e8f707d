# build.sh - sourced by gpu.sh: the library, its GPU tests and the benches, for this card only.
# shellcheck shell=sh

GPU_TARGETS="gpu_tests bench_rnn bench_sync bench_ops"

configure() { # FOLDER FLAGS: of nvcc, beside those that this machine needs
  folder=$1
  set -- -DCMAKE_BUILD_TYPE=Release -DSEQGPU_CUDA=ON -DSEQGPU_TESTS=OFF -DSEQGPU_GPU_TESTS=ON -DSEQGPU_BENCH=ON \
    "-DCMAKE_CUDA_ARCHITECTURES=$(architecture)" "-DCMAKE_CUDA_FLAGS=$(nvcc_flags) $2"
  old_ifs=$IFS
  IFS='
'
  for option in $(python_libraries); do set -- "$@" "$option"; done
  IFS=$old_ifs
  if have ninja && [ ! -e "$folder/Makefile" ]; then set -- -G Ninja "$@"; fi
  within 60 cmake -S "$root" -B "$folder" "$@"
}

compile() { # FOLDER TARGETS...: one that does not compile leaves the others
  folder=$1
  shift
  if [ -e "$folder/Makefile" ]; then on=-k; else on=-k0; fi
  within "$(left)" cmake --build "$folder" -j "$(getconf _NPROCESSORS_ONLN)" --target "$@" -- "$on"
}

# What the compiler said of the kernels: registers, spills, how often each instruction occurs.
keep_compiler_words() {
  find "$build" -name '*.ptxas' -exec cat {} + >"$logs/ptxas.txt" 2>/dev/null
  find "$build" -name '*.mix' -exec cat {} + 2>/dev/null | sort -u >"$logs/mix.txt"
}

stage_build() {
  status=0
  if [ "$kind" = soft ]; then
    # shellcheck disable=SC2086
    compile "$build" soft_tests $bench_rnn $bench_sync $bench_ops >"$logs/build.log" 2>&1 || status=$?
  else
    # shellcheck disable=SC2086
    { configure "$build" '' && compile "$build" $GPU_TARGETS; } >"$logs/build.log" 2>&1 || status=$?
  fi
  keep_compiler_words
  [ "$status" = 0 ] || tail -n 30 "$logs/build.log"
  grep -- '-- seqgpu' "$logs/build.log"
  add_outcome "$status"
}

build_refusal() {
  if [ "$kind" = soft ]; then
    [ -e "$build/CMakeCache.txt" ] || echo "$build is no build of the tests: sh tests/run.sh"
    return
  fi
  for tool in cmake cc c++; do have "$tool" || { echo "$tool is needed and not here"; return; }; done
}

# How often each machine instruction occurs in each kernel.
stage_code() {
  status=0
  within 60 sh -c '"$1" -sass "$2" | awk "$3"' sh "$(tool cuobjdump)" "$bin/$bench_rnn" '
    /Function :/ { kernel = $NF }
    /^ +\/\*[0-9a-f]+\*\// {
      name = $2 ~ /^@/ ? $3 : $2
      sub(/[.;].*/, "", name)
      count[kernel " " name]++
    }
    END { for (each in count) print each, count[each] }' >"$logs/sass.txt" 2>"$logs/sass.log" || status=$?
  echo "code: $(wc -l <"$logs/sass.txt") rows of kernel, instruction, count"
  add_outcome "$status"
}
