/* element.h - the element types of .safetensors files: names, sizes, values as doubles (element.c). */
#ifndef SQ_ELEMENT_H
#define SQ_ELEMENT_H

#include <stdint.h>

typedef enum sq_st_dtype {
  SQ_ST_F32,
  SQ_ST_F64,
  SQ_ST_I32,
  SQ_ST_I64,
  SQ_ST_F16,
  SQ_ST_BF16,
  SQ_ST_F8_E5M2,
  SQ_ST_F8_E4M3,
  SQ_ST_F8_E8M0,
  SQ_ST_I16,
  SQ_ST_I8,
  SQ_ST_U64,
  SQ_ST_U32,
  SQ_ST_U16,
  SQ_ST_U8,
  SQ_ST_BOOL,
  SQ_ST_DTYPES
} sq_st_dtype;

/* "F32", as files spell it. */
const char *sq_st_dtype_name(sq_st_dtype dtype);
/* Bytes of one element. */
int64_t sq_st_dtype_size(sq_st_dtype dtype);
/* The type with this name, or -1. */
int sq_st_dtype_find(const char *name);
/* Whether weights may have this type: F32, F64, F16 and BF16. */
int sq_st_dtype_is_weight(sq_st_dtype dtype);

/* Element `index` of the bytes of a tensor.  Integers beyond 2^53 are rounded; a BOOL is 0 or 1. */
double sq_st_element(const void *bytes, sq_st_dtype dtype, int64_t index);

#endif
