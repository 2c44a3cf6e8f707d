# races.cmake - included by CMakeLists.txt: the emulator under ThreadSanitizer (simt/simt_tsan.h), as two tests.
#
#   races_planted   finds the races that are planted in kernels, and nothing where there is none
#   races           every kernel once, without a report
#
# Clang compiles kernels and engine, whatever compiles the rest: gcc's library is too small for so many threads.
# The library's own code is linked as it is: tests/matrix.sh has it under ThreadSanitizer.
find_program(SEQGPU_CLANGXX NAMES clang++)
set(RACES ${CMAKE_CURRENT_BINARY_DIR}/races)
set(RACES_WHY)
if(NOT SEQGPU_CLANGXX)
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
  foreach(name races races_planted)
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

foreach(source ${SIMT})
  seqgpu_races_object(RACES_ENGINE ${CMAKE_CURRENT_SOURCE_DIR}/${source} -O2 -DSIMT_TSAN)
endforeach()
# -O0: the persistent kernels alone would take a minute at -O1
foreach(source ${KERNELS})
  seqgpu_races_object(RACES_KERNELS ${source} -O0 -fsanitize=thread)
endforeach()
seqgpu_races_object(RACES_PLANTED ${CMAKE_CURRENT_SOURCE_DIR}/simt/test_races_planted.cpp -O1 -fsanitize=thread)
seqgpu_races_program(test_races_planted ${RACES_PLANTED} ${RACES_ENGINE})
add_test(NAME races_planted COMMAND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/test_races_planted)

# The two files that know which devices there are, again, and all others as in the library.
add_library(races_host OBJECT simt/test_races.c ${PROJECT_SOURCE_DIR}/host/plan/algorithms.c
                              ${PROJECT_SOURCE_DIR}/host/context/backend_cpu.c)
target_compile_definitions(races_host PRIVATE SEQGPU_WITH_EMULATOR SEQGPU_PERSISTENT)
target_compile_options(races_host PRIVATE ${WARNINGS})
set(RACES_LIBRARIES ${LINK_LIBRARIES})
list(FILTER RACES_LIBRARIES INCLUDE REGEX "^/") # CBLAS, cJSON
seqgpu_races_program(test_races $<TARGET_OBJECTS:races_host> ${RACES_KERNELS} ${RACES_ENGINE} $<TARGET_FILE:seqgpu_internal>
                     ${RACES_LIBRARIES})
add_dependencies(test_races races_host seqgpu_internal)
add_test(NAME races COMMAND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/test_races)
set_tests_properties(races PROPERTIES ENVIRONMENT TSAN_OPTIONS=atexit_sleep_ms=0)
