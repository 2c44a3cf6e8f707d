# commit.cmake - writes commit.h with the commit that is being built; run by every build
# (bench/CMakeLists.txt).
#
#   cmake -D SOURCE=<source tree> -D OUTPUT=<commit.h> -P commit.cmake
#
# "-dirty" says that the tree had changes, new files included.  Results are no sources: a file that was just
# measured into bench/results does not make the next build dirty.  The header is touched only when its content
# changes, so that an unchanged tree compiles nothing.
cmake_minimum_required(VERSION 3.21)
set(commit unknown)
find_program(GIT NAMES git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE head
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  execute_process(COMMAND ${GIT} -C ${SOURCE} status --porcelain -- . ":!bench/results" OUTPUT_VARIABLE changes ERROR_QUIET)
  if(NOT failed AND head)
    set(commit ${head})
    if(changes)
      string(APPEND commit -dirty)
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define BENCH_COMMIT \"@commit@\"\n" @ONLY)
