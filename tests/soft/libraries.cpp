/* libraries.cpp - what the product opens as cuBLAS, cuFFT and cuDNN (kernels/library.h) is this program, whose
 * stand-ins have their names.  With SEQGPU_SOFT_LIBRARIES=0 none of them is installed.
 *
 * The linker leads each dlopen of the program here (-Wl,--wrap=dlopen).
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>
#include <string>

extern "C" {

void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);

void *__wrap_dlopen(const char *name, int flags) {
  bool standin = false;
  for (const char *known : {"libcublas.", "libcufft.", "libcudnn."})
    standin |= name != nullptr && strstr(name, known) != nullptr;
  const char *installed = getenv("SEQGPU_SOFT_LIBRARIES");
  if (!standin) return __real_dlopen(name, flags);
  if (installed != nullptr && strcmp(installed, "0") == 0)
    return __real_dlopen((std::string("/nowhere/") + name).c_str(), flags);
  return __real_dlopen(nullptr, flags);
}

} // extern "C"
