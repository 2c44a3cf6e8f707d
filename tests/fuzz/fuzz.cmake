# fuzz.cmake - the fuzz targets, fuzz_NAME.c, each on the reader of one kind of foreign bytes.
#
#   test_fuzz     all of them with a main of its own, on the files in corpus/: CTest's fuzz_NAME, whatever the
#                 compiler is
#   fuzz_NAME     one of them under libFuzzer, where the compiler is Clang; fuzz.sh builds and runs them
#   fuzzers       all of these
file(GLOB FUZZ_FILES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_*.c)
set(FUZZ_DEFINES $<$<BOOL:${HAVE_CJSON}>:SEQGPU_CJSON> $<$<BOOL:${HAVE_ZLIB}>:SEQGPU_ZLIB>)
set(FUZZ_INCLUDES $<$<BOOL:${HAVE_CJSON}>:${SEQGPU_CJSON_INCLUDE}> $<$<BOOL:${HAVE_ZLIB}>:${ZLIB_INCLUDE_DIRS}>)
set(FUZZ_LIBRARIES)
if(HAVE_SNDFILE)
  list(APPEND FUZZ_DEFINES SEQGPU_SNDFILE)
  list(APPEND FUZZ_INCLUDES ${SEQGPU_SNDFILE_INCLUDE})
  list(APPEND FUZZ_LIBRARIES ${SEQGPU_SNDFILE_LIBRARY})
endif()
if(HAVE_PNG)
  list(APPEND FUZZ_DEFINES SEQGPU_PNG)
  list(APPEND FUZZ_INCLUDES ${PNG_INCLUDE_DIRS})
  list(APPEND FUZZ_LIBRARIES PNG::PNG)
endif()

foreach(file ${FUZZ_FILES})
  string(REGEX REPLACE ".*/fuzz_(.*)\\.c" "\\1" name ${file})
  list(APPEND FUZZ_NAMES ${name})
endforeach()

add_executable(test_fuzz fuzz/replay.c ${FUZZ_FILES})
target_compile_definitions(test_fuzz PRIVATE ${FUZZ_DEFINES})
target_compile_options(test_fuzz PRIVATE ${WARNINGS} ${SANITIZE})
target_include_directories(test_fuzz PRIVATE ${FUZZ_INCLUDES})
target_link_libraries(test_fuzz PRIVATE program_checked)
foreach(name ${FUZZ_NAMES})
  add_test(NAME fuzz_${name} COMMAND test_fuzz ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
endforeach()

# Under libFuzzer host/ is instrumented, where all foreign bytes are read, and core/ is not.
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  set(FUZZ_FLAGS -g -O2 -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_library(fuzz_host STATIC EXCLUDE_FROM_ALL ${HOST} ${PROGRAM_FILES})
  target_compile_definitions(fuzz_host PRIVATE SEQGPU_PERSISTENT ${FUZZ_DEFINES})
  target_compile_options(fuzz_host PRIVATE ${WARNINGS} ${FUZZ_FLAGS} -fsanitize=fuzzer-no-link)
  target_include_directories(fuzz_host PRIVATE ${FUZZ_INCLUDES})
  add_custom_target(fuzzers)
  foreach(name ${FUZZ_NAMES})
    add_executable(fuzz_${name} EXCLUDE_FROM_ALL fuzz/fuzz_${name}.c)
    target_compile_definitions(fuzz_${name} PRIVATE FUZZ_LIBFUZZER ${FUZZ_DEFINES})
    target_compile_options(fuzz_${name} PRIVATE ${WARNINGS} ${FUZZ_FLAGS} -fsanitize=fuzzer-no-link)
    target_link_options(fuzz_${name} PRIVATE ${FUZZ_FLAGS} -fsanitize=fuzzer)
    target_include_directories(fuzz_${name} PRIVATE ${FUZZ_INCLUDES})
    target_link_libraries(fuzz_${name} PRIVATE fuzz_host seqgpu_internal ${LINK_LIBRARIES} ${FUZZ_LIBRARIES})
    add_dependencies(fuzzers fuzz_${name})
  endforeach()
endif()
