/* element.c - the element types of .safetensors files (element.h).
 *
 * A small floating-point number of 1 + e + m bits, s E M, with the bias b = 2^(e-1) - 1:
 *   E = 0: (-1)^s 2^(1-b) M/2^m      else: (-1)^s 2^(E-b) (1 + M/2^m)
 * With all bits of E set it is infinite (M = 0) or NaN, as in IEEE 754; but F8_E4M3 has no infinities, and a
 * NaN only where all bits of M are set, too.  F8_E8M0 is 2^(E-127), and NaN for 255.  (Micikevicius et al.,
 * FP8 Formats for Deep Learning, 2022; OCP Microscaling Formats, 2023.)
 */
#include "host/checkpoint/element.h"

#include <math.h>
#include <string.h>

static const struct {
  const char *name;
  int64_t size;
} dtypes[SQ_ST_DTYPES] = {
    [SQ_ST_F32] = {"F32", 4},         [SQ_ST_F64] = {"F64", 8},         [SQ_ST_I32] = {"I32", 4},
    [SQ_ST_I64] = {"I64", 8},         [SQ_ST_F16] = {"F16", 2},         [SQ_ST_BF16] = {"BF16", 2},
    [SQ_ST_F8_E5M2] = {"F8_E5M2", 1}, [SQ_ST_F8_E4M3] = {"F8_E4M3", 1}, [SQ_ST_F8_E8M0] = {"F8_E8M0", 1},
    [SQ_ST_I16] = {"I16", 2},         [SQ_ST_I8] = {"I8", 1},           [SQ_ST_U64] = {"U64", 8},
    [SQ_ST_U32] = {"U32", 4},         [SQ_ST_U16] = {"U16", 2},         [SQ_ST_U8] = {"U8", 1},
    [SQ_ST_BOOL] = {"BOOL", 1}};

const char *sq_st_dtype_name(sq_st_dtype dtype) { return dtypes[dtype].name; }
int64_t sq_st_dtype_size(sq_st_dtype dtype) { return dtypes[dtype].size; }

int sq_st_dtype_find(const char *name) {
  for (int i = 0; i < SQ_ST_DTYPES; i++)
    if (strcmp(dtypes[i].name, name) == 0) return i;
  return -1;
}

int sq_st_dtype_is_weight(sq_st_dtype dtype) {
  return dtype == SQ_ST_F32 || dtype == SQ_ST_F64 || dtype == SQ_ST_F16 || dtype == SQ_ST_BF16;
}

static double small_float(unsigned bits, int e, int m) {
  const unsigned M = bits & ((1u << m) - 1), E = (bits >> m) & ((1u << e) - 1);
  const int bias = (1 << (e - 1)) - 1;
  const double sign = bits >> (e + m) & 1 ? -1 : 1;
  if (E == 0) return sign * ldexp((double)M, 1 - bias - m);
  if (E < (1u << e) - 1 || (e == 4 && M < 7)) return sign * ldexp((double)(M | 1u << m), (int)E - bias - m);
  return M == 0 ? sign * INFINITY : (double)NAN;
}

double sq_st_element(const void *bytes, sq_st_dtype dtype, int64_t i) {
  switch (dtype) {
  case SQ_ST_F32:
    return (double)((const float *)bytes)[i];
  case SQ_ST_F64:
    return ((const double *)bytes)[i];
  case SQ_ST_F16:
    return small_float(((const uint16_t *)bytes)[i], 5, 10);
  case SQ_ST_BF16:
    return small_float(((const uint16_t *)bytes)[i], 8, 7);
  case SQ_ST_F8_E5M2:
    return small_float(((const uint8_t *)bytes)[i], 5, 2);
  case SQ_ST_F8_E4M3:
    return small_float(((const uint8_t *)bytes)[i], 4, 3);
  case SQ_ST_F8_E8M0: {
    const uint8_t exponent = ((const uint8_t *)bytes)[i];
    return exponent == 255 ? (double)NAN : ldexp(1, exponent - 127);
  }
  case SQ_ST_I64:
    return (double)((const int64_t *)bytes)[i];
  case SQ_ST_I32:
    return (double)((const int32_t *)bytes)[i];
  case SQ_ST_I16:
    return (double)((const int16_t *)bytes)[i];
  case SQ_ST_I8:
    return (double)((const int8_t *)bytes)[i];
  case SQ_ST_U64:
    return (double)((const uint64_t *)bytes)[i];
  case SQ_ST_U32:
    return (double)((const uint32_t *)bytes)[i];
  case SQ_ST_U16:
    return (double)((const uint16_t *)bytes)[i];
  case SQ_ST_U8:
    return (double)((const uint8_t *)bytes)[i];
  case SQ_ST_BOOL:
  case SQ_ST_DTYPES: /* is none */
    break;
  }
  return ((const uint8_t *)bytes)[i] != 0;
}
