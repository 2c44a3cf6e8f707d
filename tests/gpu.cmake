# gpu.cmake - the tests that reach a GPU, built without sanitizers against the real CUDA library in place of the
# emulator (-DSEQGPU_GPU_TESTS=ON, which tests/gpu.sh sets).  Target gpu_tests makes them all: bin/test_NAME_gpu.
add_custom_target(gpu_tests)
foreach(name conformance laws_cells laws_runs repeat tape cudnn planner wavefront omega tangent curvature hessian_free)
  add_executable(test_${name}_gpu tests/test_${name}.c)
  target_compile_options(test_${name}_gpu PRIVATE ${WARNINGS} -O1)
  target_link_libraries(test_${name}_gpu PRIVATE seqgpu_internal m)
  add_dependencies(gpu_tests test_${name}_gpu)
endforeach()
