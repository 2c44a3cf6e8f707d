/* conformance_case.h - an operator under test: the tensors it is given for some sizes, and how it is called. */
#ifndef CONFORMANCE_CASE_H
#define CONFORMANCE_CASE_H

#include "host/context/context.h"
#include "seqgpu/seqgpu.h"

/* in: random; out: poisoned before; inout: random before; zero: zeros before; ints: random, int32 */
typedef enum op_role { OP_IN, OP_OUT, OP_INOUT, OP_ZERO, OP_SCRATCH, OP_INTS } op_role;

typedef struct op_tensor {
  const char *name;
  op_role role;
  int64_t count;
  double low, high;
} op_tensor;

enum { OP_TENSORS = 16 };

typedef struct op_case {
  int64_t m, n, k;
  int option; /* first..first+options-1 of the row */
  int tensors;
  op_tensor tensor[OP_TENSORS];
} op_case;

typedef struct op_row {
  const char *name;
  int first, options;      /* those of this row */
  void (*lay)(op_case *c); /* adds the tensors */
  int (*call)(seqgpu_context *ctx, const op_case *c, void **p);
} op_row;

static void op_add(op_case *c, op_role role, const char *name, int64_t count, double low, double high) {
  c->tensor[c->tensors++] = (op_tensor){name, role, count, low, high};
}

#define OP_CALL(ctx, name, ...) (ctx)->ops->name(&(ctx)->exec, &(__VA_ARGS__))
enum { PAD = 3 }; /* columns between the rows of strided operands */

#endif
