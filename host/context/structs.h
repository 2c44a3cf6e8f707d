/* structs.h - structs that cross the boundary of the library, which may have another size on the other side.
 */
#ifndef SQ_STRUCTS_H
#define SQ_STRUCTS_H

#include "seqgpu/base.h"

/* A struct of the caller's, of the size it has in the headers the caller was compiled with, into ours:
 * completed with zeros, or refused where it sets a field that this library does not have yet. */
seqgpu_status sq_struct_in(seqgpu_context *ctx, const char *name, void *ours, size_t our_size,
                           const void *theirs, size_t their_size);

/* One of ours into the caller's: as many bytes as both have, zeros in the rest of the caller's. */
void sq_struct_out(void *theirs, size_t their_size, const void *ours, size_t our_size);

#endif
