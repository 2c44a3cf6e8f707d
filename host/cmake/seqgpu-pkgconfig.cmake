# seqgpu-pkgconfig.cmake - what a program that links libseqgpu.a must link besides it, as linker options.
#
#   seqgpu_linker_options(RESULT LIBRARIES...)    LIBRARIES as target_link_libraries takes them
#
# A library of the system's folders becomes -lNAME, any other its path.
function(seqgpu_linker_options result)
  set(options)
  foreach(library ${ARGN})
    if(library STREQUAL "Threads::Threads")
      list(APPEND options -pthread)
      continue()
    elseif(TARGET ${library})
      get_target_property(library ${library} IMPORTED_LOCATION)
    endif()
    if(NOT IS_ABSOLUTE "${library}")
      list(APPEND options -l${library})
      continue()
    endif()
    get_filename_component(folder ${library} DIRECTORY)
    get_filename_component(name ${library} NAME)
    if(folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES AND name MATCHES "^lib(.+)\\.(so|a)$")
      list(APPEND options -l${CMAKE_MATCH_1})
    else()
      list(APPEND options ${library})
    endif()
  endforeach()
  list(JOIN options " " options)
  set(${result} "${options}" PARENT_SCOPE)
endfunction()
