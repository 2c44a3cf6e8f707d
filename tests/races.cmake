# races.cmake - included by CMakeLists.txt: the emulator under ThreadSanitizer (simt/simt_tsan.h).
#
#   races_planted         the races planted in kernels are reported, and nothing where there is none
#   races, races_cudnn    every kernel runs without a report
#
# Clang compiles kernels and engine, whatever compiles the rest, which is linked as it is: its own threads are
# looked at by tests/matrix.sh.
find_program(SEQGPU_CLANGXX NAMES clang++)
set(RACES ${CMAKE_CURRENT_BINARY_DIR}/races)
set(RACES_WHY)
# Where nvcc is, the software device looks for the same races in nvcc's own code, and the time goes there.
if(HAVE_CUDA)
  set(RACES_DEFAULT OFF)
else()
  set(RACES_DEFAULT ON)
endif()
option(SEQGPU_TEST_RACES "the emulator under ThreadSanitizer" ${RACES_DEFAULT})
if(NOT SEQGPU_TEST_RACES)
  set(RACES_WHY "the tests on the software device look for them (-DSEQGPU_TEST_RACES=ON)")
elseif(NOT SEQGPU_CLANGXX)
  set(RACES_WHY "no clang++ here")
elseif(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  set(RACES_WHY "link-time optimisation: the objects are for one compiler only")
else()
  file(WRITE ${RACES}/empty.cpp "int main() { return 0; }\n")
  execute_process(COMMAND ${SEQGPU_CLANGXX} -fsanitize=thread ${RACES}/empty.cpp -o ${RACES}/empty
                  RESULT_VARIABLE RACES_FAILED OUTPUT_QUIET ERROR_QUIET)
  if(RACES_FAILED)
    set(RACES_WHY "clang++ has no library for -fsanitize=thread")
  endif()
endif()
if(RACES_WHY)
  foreach(name races races_cudnn races_planted)
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skip ${name}: ${RACES_WHY}\n0 passed, 0 failed, 1 skipped")
  endforeach()
  return()
endif()

# Appends to LIST the object that Clang makes of a source, with these flags.
function(seqgpu_races_object list source)
  string(MAKE_C_IDENTIFIER ${source} name)
  string(REGEX REPLACE ".*_(kernels|tests)_" "" name ${name})
  set(object ${RACES}/${name}.o)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${SEQGPU_CLANGXX} -std=c++17 -I${PROJECT_SOURCE_DIR} -I${PROJECT_SOURCE_DIR}/host/include
            -DNDEBUG -DSEQGPU_EMULATE ${MATH_FLAGS} -g1 ${ARGN} -MD -MF ${object}.d -xc++ -c ${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d
    COMMENT "Building ${name} for the races" VERBATIM)
  set(${list} ${${list}} ${object} PARENT_SCOPE)
endfunction()

function(seqgpu_races_program name)
  add_custom_command(
    OUTPUT ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${name}
    COMMAND ${SEQGPU_CLANGXX} -fsanitize=thread -o ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${name} ${ARGN} -pthread -lm
    DEPENDS ${ARGN}
    COMMENT "Linking ${name}" COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${name})
endfunction()

foreach(source ${SIMT_ENGINE})
  seqgpu_races_object(RACES_ENGINE ${source} -O2 -DSIMT_TSAN)
endforeach()
# -O0: the persistent kernels alone would take a minute at -O1
foreach(source ${KERNELS})
  seqgpu_races_object(RACES_KERNELS ${source} -O0 -fsanitize=thread)
endforeach()
seqgpu_races_object(RACES_PLANTED ${CMAKE_CURRENT_SOURCE_DIR}/simt/test_races_planted.cpp -O1 -fsanitize=thread)
seqgpu_races_program(test_races_planted ${RACES_PLANTED} ${RACES_ENGINE})
add_test(NAME races_planted COMMAND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/test_races_planted)

# The two files that know which devices there are, again, and all others as in the library.
add_library(races_host OBJECT ${PROJECT_SOURCE_DIR}/host/plan/algorithms.c ${PROJECT_SOURCE_DIR}/host/context/backend_cpu.c)
target_compile_definitions(races_host PRIVATE SEQGPU_WITH_EMULATOR SEQGPU_PERSISTENT)
set(RACES_LIBRARIES ${LINK_LIBRARIES})
list(FILTER RACES_LIBRARIES INCLUDE REGEX "^/") # CBLAS

function(seqgpu_races_test name source)
  add_library(${name}_main OBJECT ${source})
  target_compile_options(${name}_main PRIVATE ${WARNINGS})
  seqgpu_races_program(test_${name} $<TARGET_OBJECTS:${name}_main> $<TARGET_OBJECTS:races_host> ${RACES_KERNELS} ${RACES_ENGINE}
                       $<TARGET_FILE:seqgpu_internal> ${RACES_LIBRARIES})
  add_dependencies(test_${name} ${name}_main races_host seqgpu_internal)
  add_test(NAME ${name} COMMAND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/test_${name})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT TSAN_OPTIONS=atexit_sleep_ms=0)
endfunction()
seqgpu_races_test(races simt/test_races.c)
seqgpu_races_test(races_cudnn test_cudnn_pack.c)
