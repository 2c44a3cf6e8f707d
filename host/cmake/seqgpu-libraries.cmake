# seqgpu-libraries.cmake - the libraries that ours links, for those who link ours.

# Installed files must not hold the paths of this machine.  A library of the system's folders is named by its path here,
# and in the CMake package by its name:
#
#   seqgpu_relocatable(VARIABLE)   VARIABLE holds a path; afterwards what target_link_libraries takes
function(seqgpu_relocatable variable)
  seqgpu_linker_options(SHORT ${${variable}})
  string(REGEX REPLACE "^-l" "" short "${SHORT}")
  set(${variable}_PATH ${${variable}} PARENT_SCOPE)
  set(${variable} "$<BUILD_INTERFACE:${${variable}}>" "$<INSTALL_INTERFACE:${short}>" PARENT_SCOPE)
endfunction()

# What a program that links libseqgpu.a must link besides it, as linker options.
#
#   seqgpu_linker_options(RESULT LIBRARIES...)    LIBRARIES as target_link_libraries takes them
#
# A library of the system's folders becomes -lNAME, any other its path.
function(seqgpu_linker_options result)
  set(options)
  foreach(library ${ARGN})
    if(library MATCHES "INSTALL_INTERFACE")
      continue()
    elseif(library MATCHES "BUILD_INTERFACE:(.*)>$")
      set(library ${CMAKE_MATCH_1})
    endif()
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
