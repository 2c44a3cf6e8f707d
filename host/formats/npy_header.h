/* npy_header.h - what stands before the numbers of a .npy file, and how a number is read (npy_header.c). */
#ifndef SQ_NPY_HEADER_H
#define SQ_NPY_HEADER_H

#include "host/context/context.h"

enum { SQ_NPY_RANK = 8, SQ_NPY_PREFIX = 12, SQ_NPY_MOST = 1 << 16 };

typedef struct sq_npy_header {
  char dtype[8]; /* "<f4" */
  char kind;     /* 'f', 'i', 'u' or 'b' */
  int width;     /* bytes of an element */
  int swapped;   /* the bytes are in big-endian order */
  int fortran;   /* the first index runs fastest */
  int rank;
  int64_t shape[SQ_NPY_RANK];
  int64_t elements;
  int64_t size; /* bytes from the start of the file to the first number */
} sq_npy_header;

/* The length of the text that follows the first SQ_NPY_PREFIX bytes of a file, and where it begins: *start is
 * 10 or 12, and with 10 the last two of these bytes are already text.  0: these are not the first bytes of a
 * .npy file of version 1, 2 or 3, or the text is longer than SQ_NPY_MOST. */
int sq_npy_prefix(const unsigned char prefix[SQ_NPY_PREFIX], int64_t *start, int64_t *length);

/* Parses the text [length].  `name` is for sentences.  EFORMAT, EUNSUPPORTED. */
seqgpu_status sq_npy_parse(seqgpu_context *ctx, const char *name, const char *text, size_t length,
                           sq_npy_header *out);

/* The number whose `width` bytes are at `bytes`. */
double sq_npy_number(const sq_npy_header *header, const unsigned char *bytes);

#endif
