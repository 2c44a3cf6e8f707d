# seqgpu-pkgconfig.cmake - what stands in seqgpu.pc.
#
# The folders, from the file's own place where they lie below the prefix: an installation may be moved.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
  set(PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
  file(RELATIVE_PATH PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" PC_PREFIX "\${pcfiledir}/${PC_PREFIX}")
  set(PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()

# What a program that links libseqgpu.a must link besides it, as linker options.
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
