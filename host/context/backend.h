/* backend.h - the devices of this build (backend_cpu.c). */
#ifndef SQ_HOST_BACKEND_H
#define SQ_HOST_BACKEND_H

#include "core/ops.h"
#include "kernels/kernels.h"

/* A backend: device management plus one table of operators for each precision (NULL where it has none). */
typedef struct sq_backend {
  const sq_device *device;
  const sq_ops *ops[2]; /* by seqgpu_dtype */
} sq_backend;

/* All backends of this build, in the order in which "auto" tries them; NULL-terminated. */
extern const sq_backend *const sq_backends[];
extern const sq_backend sq_backend_cpu;

#endif
