# seqgpu-deb.cmake - Debian packages:
#   cmake -B build -DCMAKE_INSTALL_PREFIX=/usr && cmake --build build && cpack --config build/CPackConfig.cmake
#
#   libseqgpu0.2    the shared library; named after its SONAME, as Debian wants it
#   libseqgpu-dev   headers, the static library, package files
#   seqgpu          the program, linked statically
# The kernels choose among instruction sets when they run, so that one package serves every processor.
set(SONAME_VERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(DEB_RUNTIME libseqgpu${SONAME_VERSION})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime dev program)
set(CPACK_PACKAGE_VENDOR "libseqgpu")
set(CPACK_PACKAGE_CONTACT "the authors of libseqgpu <nobody@localhost>" CACHE STRING "whose Debian packages these are")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)

set(ABOUT "Recurrent sequence models (LSTM, GRU and the other cells of the
classical literature) on the processor and on NVIDIA GPUs, with
gradients, behind a small C interface.")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "recurrent sequence models: shared library\n${ABOUT}")
set(CPACK_COMPONENT_DEV_DESCRIPTION "recurrent sequence models: headers and static library\n${ABOUT}")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "recurrent sequence models: program to train and sample them\n${ABOUT}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${DEB_RUNTIME})
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libseqgpu-dev)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME seqgpu)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${DEB_RUNTIME} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/host/packaging/debian/triggers)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_BINARY_DIR}/finish.cmake) # what Debian wants beside the files
configure_file(host/packaging/debian/finish.cmake ${PROJECT_BINARY_DIR}/finish.cmake @ONLY)
include(CPack)
