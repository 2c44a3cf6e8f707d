# seqgpu-cudnn.cmake - finds cuDNN 9: header and library in the CUDA toolkit, on the system, or in the Python
# package nvidia-cudnn (which PyTorch brings), where the python3 in the path has it.
set(CUDNN_PYTHON)
find_program(SEQGPU_PYTHON NAMES python3)
if(SEQGPU_PYTHON AND NOT SEQGPU_CUDNN_LIBRARY)
  execute_process(COMMAND ${SEQGPU_PYTHON} -c "import nvidia.cudnn; print(list(nvidia.cudnn.__path__)[0])"
                  OUTPUT_VARIABLE CUDNN_PYTHON OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
find_path(SEQGPU_CUDNN_INCLUDE NAMES cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ${CUDNN_PYTHON}/include)
find_library(SEQGPU_CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 HINTS ${CUDAToolkit_LIBRARY_DIR} ${CUDNN_PYTHON}/lib)
if(SEQGPU_CUDNN_INCLUDE AND SEQGPU_CUDNN_LIBRARY AND EXISTS ${SEQGPU_CUDNN_INCLUDE}/cudnn_version.h)
  file(STRINGS ${SEQGPU_CUDNN_INCLUDE}/cudnn_version.h CUDNN_MAJOR_LINE REGEX "define CUDNN_MAJOR")
  if(CUDNN_MAJOR_LINE MATCHES "CUDNN_MAJOR +([0-9]+)" AND CMAKE_MATCH_1 GREATER_EQUAL 9)
    set(HAVE_CUDNN TRUE)
  endif()
endif()
