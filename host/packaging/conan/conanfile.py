# conanfile.py - a Conan 2 recipe, which builds the sources it lies in:
#   conan create host/packaging/conan
import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rm, rmdir


class SeqgpuConan(ConanFile):
    name = "seqgpu"
    version = "0.2.0"
    license = "Apache-2.0"
    description = "Recurrent sequence models on the processor and on NVIDIA GPUs, behind a C interface"
    topics = ("rnn", "lstm", "gru", "cuda")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "cuda": [True, False], "checkpoints": [True, False]}
    default_options = {"shared": False, "cuda": False, "checkpoints": True}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..", "..")
        for folder in ("core", "kernels", "host"):
            copy(self, folder + "/*", root, self.export_sources_folder)
        for name in ("CMakeLists.txt", "LICENSE", "README.md", "CHANGELOG.md"):
            copy(self, name, root, self.export_sources_folder)

    def configure(self):
        for setting in ("compiler.cppstd", "compiler.libcxx"):  # the interface is C
            self.settings.rm_safe(setting)

    def requirements(self):
        if self.options.checkpoints:
            self.requires("cjson/[>=1.7 <2]")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        switches = {"TESTS": False, "BENCH": False, "CBLAS": False, "ZLIB": False, "SNDFILE": False, "PNG": False,
                    "CJSON": bool(self.options.checkpoints), "CUDA": bool(self.options.cuda)}
        for name, on in switches.items():
            toolchain.cache_variables["SEQGPU_" + name] = "ON" if on else "OFF"
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build(target="seqgpu")
        cmake.build(target="seqgpu_static")
        cmake.build(target="seqgpu_cli")

    def package(self):
        CMake(self).install()
        libraries = os.path.join(self.package_folder, "lib")
        rm(self, "libseqgpu.a" if self.options.shared else "libseqgpu.so*", libraries)
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        rmdir(self, os.path.join(libraries, "cmake"))  # Conan writes its own
        rmdir(self, os.path.join(libraries, "pkgconfig"))

    def package_info(self):
        self.cpp_info.libs = ["seqgpu"]
        self.cpp_info.set_property("cmake_target_name", "seqgpu::seqgpu")
        self.cpp_info.set_property("pkg_config_name", "seqgpu")
        self.cpp_info.system_libs = ["m", "pthread"] + (["dl", "rt", "stdc++"] if self.options.cuda else [])
