/* emulated.c - the program on a machine without a GPU: the linker puts this in the place of the library's
 * call (--wrap), and --device cuda is the emulator. */
#include <string.h>

#include "seqgpu/base.h"

seqgpu_status __real_seqgpu_context_create_(const seqgpu_context_options *options, size_t size,
                                            seqgpu_context **out);
seqgpu_status __wrap_seqgpu_context_create_(const seqgpu_context_options *options, size_t size,
                                            seqgpu_context **out);
seqgpu_status __wrap_seqgpu_context_create_(const seqgpu_context_options *options, size_t size,
                                            seqgpu_context **out) {
  seqgpu_context_options emulated = *options;
  if (options->device && strcmp(options->device, "cuda") == 0) emulated.device = "emulator";
  return __real_seqgpu_context_create_(&emulated, size, out);
}
