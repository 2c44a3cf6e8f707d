/* header.h - the JSON at the beginning of a .safetensors file, read strictly (header.c). */
#ifndef SQ_ST_HEADER_H
#define SQ_ST_HEADER_H

#include "host/checkpoint/tensor.h"

/* All texts point into the text that was parsed. */
typedef struct sq_st_header {
  sq_st_tensor *tensors; /* [count] sorted by name */
  int count, room;
  seqgpu_meta *meta; /* [meta_count] in the order of the file, without the checksums */
  int meta_count, meta_room;
  const seqgpu_meta **by_key; /* [meta_count] the same, sorted */
  const char *sums;           /* the text of checksums (checksum.h), NULL = there is none */
} sq_st_header;

/* Parses text[size], whose strings are decoded in place, for a file with data_bytes bytes of data.  `out` is
 * all zeros; sq_st_header_free frees what it holds, after a failure as well.  `path` is for the sentences.
 * Errors: EFORMAT, ENOMEM; EUNSUPPORTED for an element type that element.h does not have. */
seqgpu_status sq_st_header_parse(seqgpu_context *ctx, const char *path, char *text, size_t size,
                                 int64_t data_bytes, sq_st_header *out);
void sq_st_header_free(seqgpu_context *ctx, sq_st_header *header);

#endif
