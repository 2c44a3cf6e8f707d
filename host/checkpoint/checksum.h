/* checksum.h - the checksums that a checkpoint carries in its metadata (checksum.c).
 *
 * Under the key "seqgpu.crc32" stands a text of numbers in hexadecimal, 8 digits each and one space between
 * them: first that of the header, then one for each tensor in the order of their names (by strcmp).  Each is
 * the CRC-32 of ISO 3309 and RFC 1952, what zlib.crc32 computes: of a tensor's data as they stand in the
 * file; of the header
 *   for each tensor in that order   its name, 0, its dtype, 0, its rank and dimensions (int64, little-endian)
 *   for each other key, in order    the key, 0, the value, 0
 * so that it does not depend on how the JSON was written, and a file that another program wrote anew still
 * fits.
 *
 * CRC-32 finds every change of up to 32 bits in a row, and all but one in 2^32 of others.  It is no
 * signature: whoever changes a file on purpose can change the checksum as well.
 */
#ifndef SQ_CHECKSUM_H
#define SQ_CHECKSUM_H

#include "host/checkpoint/tensor.h"
#include "host/files/crc.h"

#define SQ_SUMS_KEY "seqgpu.crc32"

/* The parts of a header, added to the sum of those before. */
uint32_t sq_crc_add_tensor(const sq_crc *crc, uint32_t sum, const sq_st_tensor *tensor);
uint32_t sq_crc_add_meta(const sq_crc *crc, uint32_t sum, const seqgpu_meta *meta);

/* Whether a text has the length of the checksums of `count` tensors. */
int sq_sums_fit(const char *text, int count);
/* The number at `index` of such a text, 0 = the header's; 0, or -1 if the text is damaged there. */
int sq_sums_get(const char *text, int index, uint32_t *sum);

/* ---- the sums of a file that is being written ---- */

typedef struct sq_sums sq_sums;

/* For `count` tensors, in the order in which they are written; the header is summed up at once.  NULL when
 * out of memory. */
sq_sums *sq_sums_make(seqgpu_context *ctx, const sq_st_tensor *tensors, int count, const seqgpu_meta *meta,
                      int meta_count);
void sq_sums_free(sq_sums *sums);
/* The data of tensor `index`, all at once. */
void sq_sums_add(sq_sums *sums, int index, const void *data);
/* Length of the text, which is known before any data are. */
size_t sq_sums_length(const sq_sums *sums);
/* The text, out [length + 1]. */
void sq_sums_text(const sq_sums *sums, char *out);

#endif
