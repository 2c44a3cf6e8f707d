# portfile.cmake - an overlay port, which builds the sources it lies in:
#   vcpkg install seqgpu --overlay-ports=host/packaging/vcpkg
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../.." ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS SWITCHES
                     FEATURES checkpoints SEQGPU_CJSON cuda SEQGPU_CUDA tools SEQGPU_ZLIB)
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
                      OPTIONS ${SWITCHES} -DSEQGPU_TESTS=OFF -DSEQGPU_BENCH=OFF -DSEQGPU_CBLAS=OFF
                              -DSEQGPU_SNDFILE=OFF -DSEQGPU_PNG=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/seqgpu)
vcpkg_fixup_pkgconfig()
if("tools" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES seqgpu AUTO_CLEAN)
else()
  file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/bin" "${CURRENT_PACKAGES_DIR}/debug/bin")
endif()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
