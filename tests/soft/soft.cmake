# soft.cmake - the tests that run nvcc's own code on the software device: what tests/soft stands in for is not
# linked, and the rest is the product as it is.
#
#   softgpu            the device, and the stand-ins for the CUDA runtime, cuBLAS, cuFFT and cuDNN
#   test_NAME_soft     a test that takes a CUDA device; `ctest -R soft_` runs them
#   seqgpu_soft        the program:  build/bin/seqgpu_soft train ... --device cuda
set(SOFT ${PROJECT_SOURCE_DIR}/tests/soft)
file(GLOB SOFT_FILES CONFIGURE_DEPENDS ${SOFT}/*.cpp)
list(FILTER SOFT_FILES EXCLUDE REGEX "/test_[^/]*$")
if(SEQGPU_CUBLAS AND TARGET CUDA::cublas)
  set(SOFT_DEFINES SOFT_CUBLAS)
else()
  list(REMOVE_ITEM SOFT_FILES ${SOFT}/cublas.cpp)
endif()
if(SEQGPU_CUFFT AND TARGET CUDA::cufft)
  list(APPEND SOFT_DEFINES SOFT_CUFFT)
else()
  list(REMOVE_ITEM SOFT_FILES ${SOFT}/cufft.cpp)
endif()
list(REMOVE_ITEM SOFT_FILES ${SOFT}/cudnn.cpp)

# The interpreter is built for this machine, and rounds each operation by itself.
set(SOFT_FLAGS ${WARNINGS} -O3 -march=native -ffp-contract=off -fno-trapping-math -fno-math-errno)
add_library(softgpu OBJECT ${SOFT_FILES})
target_compile_options(softgpu PRIVATE ${SOFT_FLAGS})
target_link_options(softgpu INTERFACE -Wl,--wrap=dlopen) # libraries.cpp
target_include_directories(softgpu SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
set(SOFT_OBJECTS softgpu)
if(HAVE_CUDNN) # its stand-in computes with core/, so only programs with the product have it
  list(APPEND SOFT_OBJECTS softgpu_cudnn)
  add_library(softgpu_cudnn OBJECT ${SOFT}/cudnn.cpp ${PROJECT_SOURCE_DIR}/tests/simt/cudnn_standin.cpp)
  target_compile_options(softgpu_cudnn PRIVATE ${SOFT_FLAGS})
  target_include_directories(softgpu_cudnn SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS} ${SEQGPU_CUDNN_INCLUDE})
endif()

# What the product links beside CUDA's libraries.
set(SOFT_LIBRARIES ${LINK_LIBRARIES})
list(FILTER SOFT_LIBRARIES EXCLUDE REGEX "^CUDA::")

# The kernels stay in nvcc's objects, which each program names instead of holding them.
find_program(SH NAMES sh REQUIRED)
set(SOFT_KERNELS ${CUDA_OBJECTS})
if(HAVE_MERGED_OBJECT) # GNU's objcopy and ld
  set(SOFT_KERNELS ${CMAKE_CURRENT_BINARY_DIR}/kernels_referred.o)
  add_custom_command(
    OUTPUT ${SOFT_KERNELS}
    COMMAND ${SH} ${SOFT}/refer.sh ${CMAKE_OBJCOPY} ${CMAKE_LINKER} ${SOFT_KERNELS} ${CUDA_OBJECTS}
    DEPENDS ${SOFT}/refer.sh kernels_cuda ${CUDA_OBJECTS}
    COMMENT "Naming the objects that hold the kernels"
    COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties(${SOFT_KERNELS} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  add_custom_target(kernels_referred DEPENDS ${SOFT_KERNELS}) # once, for all programs
endif()

# A program on the software device, with everything that is inside the library.
function(seqgpu_soft_program name)
  add_executable(${name} ${ARGN} ${OBJECTS} ${SOFT_KERNELS})
  if(TARGET kernels_referred)
    add_dependencies(${name} kernels_referred)
  endif()
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:C,CXX>:${WARNINGS};-O1>) # built sooner
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX CUDA_RUNTIME_LIBRARY None)
  target_link_libraries(${name} PRIVATE ${SOFT_OBJECTS} ${SOFT_LIBRARIES} m)
  set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON) # libraries.cpp
endfunction()

function(seqgpu_soft_test name)
  seqgpu_soft_program(test_${name}_soft test_${name}.c)
  target_compile_definitions(test_${name}_soft PRIVATE SEQGPU_TEST_SOFT)
  add_test(NAME soft_${name} COMMAND test_${name}_soft ${ARGN} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set(SOFT_RUN ${SOFT_RUN} soft_${name} PARENT_SCOPE)
endfunction()

foreach(name api curvature esn hessian_free laws_cells laws_norms laws_runs omega params planner tangent tape urnn wavefront)
  seqgpu_soft_test(${name})
endforeach()
seqgpu_soft_test(conformance cuda)
seqgpu_soft_test(repeat cuda)
seqgpu_soft_test(cudnn)
target_sources(test_esn_soft PRIVATE ${PROJECT_SOURCE_DIR}/host/cli/series.c)

seqgpu_soft_program(seqgpu_soft $<FILTER:$<TARGET_OBJECTS:seqgpu_cli>,EXCLUDE,/core/>) # OBJECTS have all of core/
if(ZLIB_FOUND)
  target_link_libraries(seqgpu_soft PRIVATE ZLIB::ZLIB)
endif()
if(HAVE_SNDFILE)
  target_link_libraries(seqgpu_soft PRIVATE ${SEQGPU_SNDFILE_LIBRARY})
endif()
if(HAVE_PNG)
  target_link_libraries(seqgpu_soft PRIVATE PNG::PNG)
endif()

add_test(NAME soft_train COMMAND ${SH} ${PROJECT_SOURCE_DIR}/tests/test_soft_train.sh $<TARGET_FILE:seqgpu_soft>)

# What a profiler sees, where the toolkit has NVTX 3.
find_path(NVTX_INCLUDE nvtx3/nvToolsExt.h HINTS ${CUDAToolkit_INCLUDE_DIRS} NO_CACHE)
if(NVTX_INCLUDE)
  add_library(nvtx_listener MODULE ${SOFT}/nvtx_listener.c)
  target_compile_options(nvtx_listener PRIVATE ${WARNINGS})
  target_include_directories(nvtx_listener SYSTEM PRIVATE ${NVTX_INCLUDE})
  add_test(NAME soft_nvtx COMMAND ${SH} ${PROJECT_SOURCE_DIR}/tests/test_nvtx.sh $<TARGET_FILE:seqgpu_soft> $<TARGET_FILE:nvtx_listener>)
endif()

# A rehearsal of tests/gpu.sh, with the benches.
if(SEQGPU_BENCH)
  set(BENCH ${PROJECT_SOURCE_DIR}/bench)
  file(GLOB BENCH_RNN_FILES CONFIGURE_DEPENDS ${BENCH}/rnn/*.c)
  seqgpu_soft_program(bench_rnn_soft ${BENCH_RNN_FILES} $<TARGET_OBJECTS:bench_base> $<TARGET_OBJECTS:bench_peers>)
  if(DNNL_LIBRARY AND DNNL_INCLUDE)
    find_package(OpenMP QUIET)
  endif()
  if(TARGET OpenMP::OpenMP_CXX)
    target_link_libraries(bench_rnn_soft PRIVATE ${DNNL_LIBRARY} OpenMP::OpenMP_CXX)
  endif()
  add_library(bench_sync_kernels OBJECT ${BENCH}/sync/bench_sync.cu)
  target_compile_options(bench_sync_kernels PRIVATE -lineinfo --no-compress)
  set_target_properties(bench_sync_kernels PROPERTIES CUDA_ARCHITECTURES 90a)
  seqgpu_soft_program(bench_sync_soft $<TARGET_OBJECTS:bench_sync_kernels> $<TARGET_OBJECTS:bench_base>)
  seqgpu_soft_program(bench_model ${BENCH}/model/bench_model.c ${BENCH}/model/fit.c $<TARGET_OBJECTS:bench_base>)
  seqgpu_soft_program(bench_ops_soft ${BENCH}/ops/bench_ops.c $<TARGET_OBJECTS:bench_base> $<TARGET_OBJECTS:bench_cudnn>)
  add_custom_target(soft_tests
                    DEPENDS test_conformance_soft test_repeat_soft test_planner_soft test_tape_soft test_cudnn_soft)
  add_test(NAME soft_gpu_sh COMMAND ${SH} ${PROJECT_SOURCE_DIR}/tests/test_gpu_sh.sh ${CMAKE_BINARY_DIR})
endif()

# Faults planted in the kernels: a few of one cell's here, all by hand.
seqgpu_soft_program(mutants_soft ${SOFT}/mutants_soft.c)
add_test(NAME soft_mutants COMMAND ${SH} ${SOFT}/mutate.sh ${CMAKE_BINARY_DIR} --cell any --sample 12)

# Where other libraries are missing.
seqgpu_soft_program(test_soft_missing ${SOFT}/test_soft_missing.c)
add_test(NAME soft_missing COMMAND test_soft_missing)
list(APPEND SOFT_RUN soft_missing)

# After the tests on the software device: whether each kernel has run, and each statement of inline assembly.
set(SOFT_COVERAGE ${CMAKE_BINARY_DIR}/soft-coverage)
add_test(NAME soft_coverage_begin COMMAND ${SH} ${SOFT}/coverage.sh begin ${SOFT_COVERAGE})
add_test(NAME soft_coverage COMMAND ${SH} ${SOFT}/coverage.sh sum ${SOFT_COVERAGE} ${PROJECT_SOURCE_DIR})
set_tests_properties(soft_coverage_begin PROPERTIES FIXTURES_SETUP soft_folder)
foreach(name repeat urnn) # with late stores and stale lines
  add_test(NAME soft_weak_${name} COMMAND test_${name}_soft $<$<STREQUAL:${name},repeat>:cuda>
           WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} COMMAND_EXPAND_LISTS)
  set_tests_properties(soft_weak_${name} PROPERTIES ENVIRONMENT SEQGPU_SOFT_WEAK=1)
endforeach()
add_test(NAME soft_gemm COMMAND test_conformance_soft cuda others) # our own products instead of cuBLAS
set_tests_properties(soft_gemm PROPERTIES FIXTURES_REQUIRED soft_folder FIXTURES_SETUP soft_run
                                          ENVIRONMENT "SEQGPU_SOFT_COVERAGE=${SOFT_COVERAGE};SEQGPU_SOFT_LIBRARIES=0")
if(TARGET bench_sync_soft) # a value that an exchange brings wrong is its failure
  add_test(NAME soft_sync COMMAND bench_sync_soft --runs 1 --rounds 8)
  list(APPEND SOFT_RUN soft_sync)
endif()
set_tests_properties(${SOFT_RUN} soft_train PROPERTIES FIXTURES_REQUIRED soft_folder FIXTURES_SETUP soft_run
                                                       ENVIRONMENT SEQGPU_SOFT_COVERAGE=${SOFT_COVERAGE})
set_tests_properties(soft_coverage PROPERTIES FIXTURES_REQUIRED soft_run)
set_tests_properties(soft_conformance PROPERTIES COST 100)

# Tests of the software device itself; the one of the runtime has kernels of its own, compiled by nvcc.
file(GLOB SOFT_TESTS CONFIGURE_DEPENDS RELATIVE ${SOFT} ${SOFT}/test_soft_*.cpp)
foreach(file ${SOFT_TESTS})
  string(REGEX REPLACE "test_(soft_.*)\\.cpp" "\\1" name ${file})
  add_executable(test_${name} ${SOFT}/${file})
  target_compile_options(test_${name} PRIVATE ${SOFT_FLAGS} -O1)
  target_compile_definitions(test_${name} PRIVATE ${SOFT_DEFINES})
  target_include_directories(test_${name} SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(test_${name} PRIVATE softgpu)
  add_test(NAME ${name} COMMAND test_${name})
endforeach()
add_library(soft_kernels OBJECT ${SOFT}/kernels_for_tests.cu)
target_compile_options(soft_kernels PRIVATE -lineinfo --no-compress)
set_target_properties(soft_kernels PROPERTIES CUDA_ARCHITECTURES 90a)
foreach(name soft_functions soft_runtime)
  target_sources(test_${name} PRIVATE $<TARGET_OBJECTS:soft_kernels>)
  set_target_properties(test_${name} PROPERTIES LINKER_LANGUAGE CXX CUDA_RUNTIME_LIBRARY None)
endforeach()

# Where a call of CUDA's libraries fails.
seqgpu_soft_program(test_soft_faults ${SOFT}/test_soft_faults.c)
add_test(NAME soft_faults COMMAND test_soft_faults)

# What the library leaves to a caller who works with CUDA by himself.
seqgpu_soft_program(test_soft_caller ${SOFT}/test_soft_caller.c)
target_include_directories(test_soft_caller SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
add_test(NAME soft_caller COMMAND test_soft_caller)

# Operands that arrive block by block.
seqgpu_soft_program(test_soft_blocks ${SOFT}/test_soft_blocks.c)
add_test(NAME soft_blocks COMMAND test_soft_blocks)

# What plans execute per step.  It depends on nvcc, and on which products are left to cuBLAS and cuFFT.
seqgpu_soft_program(test_soft_counters ${SOFT}/test_soft_counters.c)
target_compile_definitions(test_soft_counters PRIVATE
  "SEQGPU_SOFT_BUILD=\"nvcc ${CMAKE_CUDA_COMPILER_VERSION}, cuBLAS ${SEQGPU_CUBLAS}, cuFFT ${SEQGPU_CUFFT}\"")
add_test(NAME soft_counters COMMAND test_soft_counters ${SOFT}/counters.csv)
