/* ops_cpu.h - the CPU operators by name: sq_cpu_<operator>_f32 and _f64, one for each row of SQ_OPS. */
#ifndef SQ_OPS_CPU_H
#define SQ_OPS_CPU_H

#include "ops.h"

#define SQ_OP_CPU(name, args)                                                                                \
  int sq_cpu_##name##_f32(sq_exec *exec, const args *a);                                                     \
  int sq_cpu_##name##_f64(sq_exec *exec, const args *a);
SQ_OPS(SQ_OP_CPU)
#undef SQ_OP_CPU

#endif
