/* structs.c - structs that cross the boundary of the library, which may have another size on the other side.
 *
 * A program passes the size that the struct had in the headers it was compiled with; every public function
 * that takes or fills one is a macro that does so (seqgpu/base.h).  Fields are only appended, and 0 keeps the
 * old meaning.  So a struct of an older program is completed with zeros, and one of a newer program is
 * accepted as long as it asks for nothing that this library does not know.
 */
#include "host/context/structs.h"

#include <string.h>

#include "host/context/errors.h"

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

seqgpu_status sq_struct_in(seqgpu_context *ctx, const char *name, void *ours, size_t our_size,
                           const void *theirs, size_t their_size) {
  if (their_size < our_size) memset(ours, 0, our_size);
  if (their_size == 0) return sq_fail(ctx, SEQGPU_EINVAL, "%s: its size is 0", name);
  memcpy(ours, theirs, smaller(our_size, their_size));
  const unsigned char *byte = theirs;
  for (size_t i = our_size; i < their_size; i++)
    if (byte[i] != 0)
      return sq_fail(
          ctx, SEQGPU_EINVAL,
          "%s: a field beyond the %zu bytes that libseqgpu %s knows is set; it needs a newer library", name,
          our_size, seqgpu_version());
  return SEQGPU_OK;
}

void sq_struct_out(void *theirs, size_t their_size, const void *ours, size_t our_size) {
  memset(theirs, 0, their_size);
  memcpy(theirs, ours, smaller(our_size, their_size));
}
