/* lanes.h - what the files have in common that are compiled once for each instruction set (gemm_kernel.c,
 * stream_kernel.c, stream_step.c; CMakeLists.txt, KERNEL_ISAS), and who chooses among their builds. */
#ifndef SQ_LANES_H
#define SQ_LANES_H

/* -DSQ_ISA=name: the instruction set of this build. */
#ifndef SQ_ISA
#define SQ_ISA baseline
#endif

/* A vector register: AVX-512, AVX2, or SSE2, NEON and what plain C is compiled to. */
#if defined(__AVX512F__)
enum { VEC_BYTES = 64 };
#elif defined(__AVX2__)
enum { VEC_BYTES = 32 };
#else
enum { VEC_BYTES = 16 };
#endif

/* Loops over the sums of a block must be unrolled early, or the sums live in memory.  clang sees this for
 * itself. */
#if defined(__GNUC__) && !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define HAVE_SHUFFLE 1
#endif
#endif

/* The best instruction set of the processor that this runs on. */
typedef enum sq_isa { SQ_ISA_BASELINE, SQ_ISA_AVX2, SQ_ISA_AVX512 } sq_isa;

static inline sq_isa sq_best_isa(void) {
#if defined(__x86_64__)
  const int fma = __builtin_cpu_supports("fma");
  if (fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return SQ_ISA_AVX512;
  if (fma && __builtin_cpu_supports("avx2")) return SQ_ISA_AVX2;
#endif
  return SQ_ISA_BASELINE;
}

/* Whether it multiplies bytes four at a time into 32 bits (AVX512VNNI) besides. */
static inline int sq_has_vnni(void) {
#if defined(__x86_64__)
  return sq_best_isa() == SQ_ISA_AVX512 && __builtin_cpu_supports("avx512vnni");
#else
  return 0;
#endif
}

#endif
