# seqgpu-merge.cmake - one object out of many, in which only the public names are global.
#
# Visibility means nothing to a static library: the hidden sq_ names of its objects would still meet the names
# of whatever else a program links.  So the objects are linked into one (ld -r), in which every name but
# seqgpu_* is made local.  The shared library is linked from it as well, because hidden names can leak there:
# gcc exports the ifuncs of target_clones.
#
#   seqgpu_merge_objects(RESULT OBJECT_LIBRARY...)
#
# sets RESULT to the merged object, which target RESULT_object makes, or to the objects themselves where the
# tools cannot merge them: a linker or objcopy that is not GNU's, or link-time optimisation, whose objects
# hold no machine code yet.  HAVE_MERGED_OBJECT says which.
set(HAVE_MERGED_OBJECT FALSE)
if(CMAKE_OBJCOPY AND CMAKE_LINKER AND NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION AND NOT CMAKE_C_FLAGS MATCHES "-flto")
  execute_process(COMMAND ${CMAKE_OBJCOPY} --version OUTPUT_VARIABLE OBJCOPY_VERSION ERROR_QUIET)
  execute_process(COMMAND ${CMAKE_LINKER} --help OUTPUT_VARIABLE LINKER_HELP ERROR_QUIET)
  if(OBJCOPY_VERSION MATCHES "^GNU objcopy" AND LINKER_HELP MATCHES "--force-group-allocation")
    set(HAVE_MERGED_OBJECT TRUE)
  endif()
endif()

function(seqgpu_merge_objects result)
  set(objects ${ARGN})
  list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
  if(NOT HAVE_MERGED_OBJECT)
    set(${result} ${objects} PARENT_SCOPE)
    return()
  endif()
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${result}.o)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${object} ${objects}
    COMMAND ${CMAKE_OBJCOPY} --wildcard --weaken-symbol=_Z* ${object} # C++'s unique ones would stay global
    COMMAND ${CMAKE_OBJCOPY} --wildcard --localize-hidden --keep-global-symbol=seqgpu_* ${object}
    DEPENDS ${ARGN} ${objects}
    COMMENT "Merging the objects of the static library"
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${result}_object DEPENDS ${object}) # once, for both libraries
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set(${result} ${object} PARENT_SCOPE)
endfunction()
