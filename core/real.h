/* real.h - one source, two precisions.
 *
 * Every numeric file in core/ is compiled twice: with SEQGPU_REAL_BITS=32 (the product) and with
 * SEQGPU_REAL_BITS=64 (the oracle every test compares with).  `real` is the element type and
 * FN(sq_lstm_forward) is the function's name in this build: sq_lstm_forward_f32 or sq_lstm_forward_f64.
 */
#ifndef SQ_REAL_H
#define SQ_REAL_H

#include <stddef.h>
#include <stdint.h>

#ifndef SEQGPU_REAL_BITS
#define SEQGPU_REAL_BITS 32
#endif

#if SEQGPU_REAL_BITS == 64
typedef double real;
#define FN(name) name##_f64
#define RC(x)    (x) /* a literal in this precision */
#else
typedef float real;
#define FN(name) name##_f32
#define RC(x)    (x##f)
#endif

/* Hot loops over rows are compiled for several vector widths; the loader picks one (GNU ifunc).  Everything
 * they call is inlined (SQ_INLINE), so that it is compiled for the same width.  Results differ between widths
 * only where the compiler may contract a*b+c, never between runs on one machine.  With SEQGPU_ONE_WIDTH they
 * are compiled for one, as where sanitizers look on; with SEQGPU_NO_CLONES a function is compiled once for each
 * precision, as tests/coverage.sh counts. */
#if defined(SEQGPU_NO_CLONES) && !defined(SEQGPU_ONE_WIDTH)
#define SEQGPU_ONE_WIDTH
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute) && !defined(SEQGPU_ONE_WIDTH)
/* clang 14 gives the resolvers of static functions global names, which then clash between files. */
#if __has_attribute(target_clones) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define SQ_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef SQ_CLONES
#define SQ_CLONES
#endif
#if defined(__GNUC__) && !defined(SEQGPU_NO_CLONES)
#define SQ_INLINE static inline __attribute__((always_inline))
#else
#define SQ_INLINE static inline
#endif

#endif
