# seqgpu-mpi.cmake - MPI, of which a build needs mpi.h and the name that its library has at run time.
#
# Sets HAVE_MPI, SEQGPU_MPI_INCLUDE, and SEQGPU_MPI_NAME: "libmpi.so.40".
set(HAVE_MPI FALSE)
if(NOT SEQGPU_MPI)
  return()
endif()
find_package(MPI QUIET COMPONENTS C)
if(NOT MPI_C_FOUND)
  return()
endif()
# The library itself is the one of those to be linked whose name says so; Open MPI's and MPICH's differ.
foreach(library ${MPI_C_LIBRARIES})
  file(REAL_PATH ${library} file)
  get_filename_component(file ${file} NAME)
  if(file MATCHES "^(lib(mpi|mpich)\\.so\\.[0-9]+)")
    set(HAVE_MPI TRUE)
    set(SEQGPU_MPI_NAME ${CMAKE_MATCH_1})
    set(SEQGPU_MPI_INCLUDE ${MPI_C_INCLUDE_DIRS})
  endif()
endforeach()
