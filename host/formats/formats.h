/* formats.h - the table of formats, and which of them a file is of (formats.c). */
#ifndef SQ_FORMATS_H
#define SQ_FORMATS_H

#include "host/formats/format.h"

extern const sq_format *const sq_formats[];
extern const int sq_format_count;

/* The row with this name.  EINVAL: there is none. */
seqgpu_status sq_format_named(seqgpu_context *ctx, const char *name, const sq_format **out);
/* The first row that recognises the file.  EFORMAT: none does; EIO. */
seqgpu_status sq_format_detect(seqgpu_context *ctx, const char *path, const sq_format **out);
/* Whether a file of this format may be written to the path.  EINVAL: a file is there that is not empty and of
 * another kind, which nobody wants to lose. */
seqgpu_status sq_format_may_replace(seqgpu_context *ctx, const char *path, const sq_format *format);

#endif
