# seqgpu-install.cmake - what is installed, for whom, and the package files that find it.
#
# Components, which are the Debian packages too (seqgpu-deb.cmake):
#   runtime   libseqgpu.so.X.Y                            programs that were linked with it
#   dev       headers, libseqgpu.a, package files, Python package   those who link it
#   program   seqgpu, its man page, completions           a shell
if(NOT SEQGPU_INSTALL)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/seqgpu)

install(TARGETS seqgpu EXPORT seqgpu-targets LIBRARY COMPONENT runtime NAMELINK_COMPONENT dev)
install(TARGETS seqgpu_static EXPORT seqgpu-targets ARCHIVE COMPONENT dev)
install(TARGETS seqgpu_cli RUNTIME COMPONENT program)
install(FILES host/man/seqgpu.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
if(NOT CMAKE_CROSSCOMPILING)
  set(SHARE ${CMAKE_INSTALL_DATADIR})
  install(FILES ${COMPLETION}.bash DESTINATION ${SHARE}/bash-completion/completions RENAME seqgpu COMPONENT program)
  install(FILES ${COMPLETION}.zsh DESTINATION ${SHARE}/zsh/site-functions RENAME _seqgpu COMPONENT program)
  install(FILES ${COMPLETION}.fish DESTINATION ${SHARE}/fish/vendor_completions.d RENAME seqgpu.fish COMPONENT program)
endif()
install(DIRECTORY host/include/seqgpu DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(FILES LICENSE README.md CHANGELOG.md host/doc/cells.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev)
# The API reference, where the target `reference` was built before.
install(DIRECTORY ${PROJECT_BINARY_DIR}/reference/html DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev OPTIONAL)

install(DIRECTORY host/bindings/python/seqgpu DESTINATION ${CMAKE_INSTALL_DATADIR}/seqgpu/python COMPONENT dev
        FILES_MATCHING PATTERN "*.py")

# ---------------------------------------------------------------------- find_package(seqgpu)
install(EXPORT seqgpu-targets NAMESPACE seqgpu:: DESTINATION ${PACKAGE_FOLDER} COMPONENT dev)
configure_package_config_file(host/cmake/seqgpu-config.cmake.in ${PROJECT_BINARY_DIR}/seqgpu-config.cmake
                              INSTALL_DESTINATION ${PACKAGE_FOLDER})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/seqgpu-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/seqgpu-config.cmake ${PROJECT_BINARY_DIR}/seqgpu-config-version.cmake
        DESTINATION ${PACKAGE_FOLDER} COMPONENT dev)

# ---------------------------------------------------------------------- pkg-config
# Folders from the file's own place, where they lie below the prefix: an installation may be moved, and --define-prefix,
# which takes the prefix for the file's grandparent, changes nothing.
set(PC_FOLDER ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
  set(PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
  file(RELATIVE_PATH PC_PREFIX /prefix/${PC_FOLDER} /prefix)
  file(RELATIVE_PATH PC_INCLUDEDIR /prefix/${PC_FOLDER} /prefix/${CMAKE_INSTALL_INCLUDEDIR})
  string(REGEX REPLACE "/$" "" PC_PREFIX "\${pcfiledir}/${PC_PREFIX}")
  set(PC_LIBDIR "\${pcfiledir}/..")
  set(PC_INCLUDEDIR "\${pcfiledir}/${PC_INCLUDEDIR}")
endif()
seqgpu_linker_options(PRIVATE_LIBRARIES ${LINK_LIBRARIES})
configure_file(host/cmake/seqgpu.pc.in ${PROJECT_BINARY_DIR}/seqgpu.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/seqgpu.pc DESTINATION ${PC_FOLDER} COMPONENT dev)

# ---------------------------------------------------------------------- the way back, and packages
if(PROJECT_IS_TOP_LEVEL)
  add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -D MANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt
                                      -P ${PROJECT_SOURCE_DIR}/host/cmake/uninstall.cmake VERBATIM)
  include(seqgpu-deb)
endif()
