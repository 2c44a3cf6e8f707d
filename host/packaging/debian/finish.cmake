# finish.cmake - run by cpack when a package's files are laid out: adds copyright and changelog, compresses man pages.
string(TIMESTAMP today "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(pair runtime=@DEB_RUNTIME@ dev=libseqgpu-dev program=seqgpu)
  string(REGEX MATCH "^(.*)=(.*)$" _ ${pair})
  set(package ${CMAKE_MATCH_2})
  set(usr ${CPACK_TEMPORARY_DIRECTORY}/${CMAKE_MATCH_1}/usr)
  set(doc ${usr}/share/doc/${package})
  file(COPY @PROJECT_SOURCE_DIR@/host/packaging/debian/copyright DESTINATION ${doc})
  file(WRITE ${doc}/changelog.Debian "seqgpu (@PROJECT_VERSION@-1) unstable; urgency=medium\n\n"
                                     "  * Packaged from the sources; see CHANGELOG.md in libseqgpu-dev.\n\n"
                                     " -- @CPACK_PACKAGE_CONTACT@  ${today}\n")
  file(GLOB pages ${usr}/share/man/man*/*.[0-9])
  execute_process(COMMAND gzip -9nf ${doc}/changelog.Debian ${pages} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
