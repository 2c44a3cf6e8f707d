/* conditioned.h - how far a result may be from the reference, and which draws make that say something.
 *
 * The limits are the same for every tensor of every test: |out - ref| / |ref| <= 1e-5 for float32, 3e-3 where
 * products may be TF32, 3e-2 where they may be bfloat16, and NaN never passes.  Only cuDNN's persistent kernels,
 * whose exactness is theirs, may have 1e-4 in float32: on an H100 they were up to 4.6e-5 off, where its standard
 * algorithm and all of ours kept the limit.
 *
 * They can only be asked where the inputs determine the tensor that well.  A gradient that is what is left of
 * large terms that cancel, or a unit at the kink of its relu, brings the last bits of the inputs into the
 * first ones of the result: there float32 is wrong whatever the code does, and a limit wide enough for that
 * luck would hide mistakes everywhere else.  So it is the draw that is looked at.  The float64 reference runs
 * on it, and then PROBES times more with every input moved by a random relative error as large as one
 * rounding of the arithmetic under test.  If a tensor that will be compared moves by more than a share of its
 * limit, the draw is ill-conditioned, and another one is taken.
 *
 * The share is what a correct run leaves.  Float32 rounds after every operation and not only its inputs, and
 * its exp and tanh err by several roundings: of its limit of 168 roundings the probes may use 7, and 5 where
 * an attention looks at small differences.  TF32 and bfloat16 round the operands of products and nothing else, where
 * the probes move everything once, but states and gradients are operands again in every step: of TF32's limit of 6
 * roundings the probes may use two thirds, of bfloat16's 7 half.  (When that was all of it, about one run of the tests in
 * ten had a gradient that was up to a fifth beyond; with two thirds for bfloat16 there still was one.)  What keeps states
 * and results in bfloat16 as well has a limit of 5 roundings, half of it for the probes.
 *
 *   problem p = {draw, run, self};       draw: new inputs;  run: outputs from inputs, the same from the same
 *   list_add(&p.in, "x", x, n);          what the reference reads ...
 *   list_add(&p.out, "y", y, m);         ... and writes: each is a tensor of its own
 *   problem_draw(&p, SEQGPU_MATH_F32, "this row");
 *
 * leaves inputs and the reference's outputs of a well-conditioned draw; after DRAWS ill ones the check fails.
 */
#ifndef CONDITIONED_H
#define CONDITIONED_H

#include "seqgpu/seqgpu.h"
#include "tests/check.h"

enum { BF16_STATES = SEQGPU_MATH_BF16 + 1, MODELS, DIFFERENCES }; /* further rows of the table */

static const struct {
  const char *name;
  double limit;    /* of |out - ref| / |ref| */
  double rounding; /* half a unit in the last place of 1 */
  double share;    /* of the limit, that the probes may use up: see above */
} arithmetic[] = {[SEQGPU_MATH_F32] = {"f32", 1e-5, 0x1p-24, 0.04},
                  [SEQGPU_MATH_TF32] = {"tf32", 3e-3, 0x1p-11, 0.67},
                  [SEQGPU_MATH_BF16] = {"bf16", 3e-2, 0x1p-8, 0.5},
                  [BF16_STATES] = {"bf16, states as well", 2e-2, 0x1p-8, 0.5},
                  [MODELS] = {"f32, models", 1e-5, 0x1p-24, 0.03},
                  [DIFFERENCES] = {"finite differences", 1e-7, 1e-10, 0.1}};

/* The limit for a result of that algorithm; NULL: of any. */
static inline double limit_of(const char *algorithm, int math) {
  const char *theirs = algorithm ? strstr(algorithm, "cudnn-") : NULL;
  const int exact = theirs == NULL || math != SEQGPU_MATH_F32 || strstr(theirs, "standard") != NULL;
  return exact ? arithmetic[math].limit : 10 * arithmetic[math].limit;
}

enum { LIST_TENSORS = 160, PROBES = 4, DRAWS = 1000 };

/* --- lists of tensors, in float64 on the host --- */

typedef struct tensor_list {
  int count;
  struct {
    char name[64];
    double *at;
    int64_t count;
  } tensor[LIST_TENSORS];
} tensor_list;

static inline void list_add(tensor_list *list, const char *name, double *at, int64_t count) {
  if (count == 0) return;
  if (list->count == LIST_TENSORS) {
    check_record(0, "more tensors than the list has room for", "%s", name);
    return;
  }
  snprintf(list->tensor[list->count].name, sizeof list->tensor[0].name, "%s", name);
  list->tensor[list->count].at = at;
  list->tensor[list->count++].count = count;
}

/* All elements, one tensor after the other, out of the list and back. */
static inline double *list_copy(const tensor_list *list) {
  size_t total = 0;
  for (int i = 0; i < list->count; i++) total += (size_t)list->tensor[i].count;
  double *copy = (double *)calloc(total + 1, sizeof *copy), *to = copy;
  for (int i = 0; i < list->count; to += list->tensor[i++].count)
    memcpy(to, list->tensor[i].at, (size_t)list->tensor[i].count * sizeof *to);
  return copy;
}

static inline void list_restore(const tensor_list *list, const double *from) {
  for (int i = 0; i < list->count; from += list->tensor[i++].count)
    memcpy(list->tensor[i].at, from, (size_t)list->tensor[i].count * sizeof *from);
}

/* Worst |out - ref| / |ref| of the tensors; `ref` is a list_copy; *where (64 bytes, or NULL) names it. */
static inline double list_error(const tensor_list *out, const double *ref, char *where) {
  double worst = 0;
  if (where) where[0] = 0;
  for (int i = 0; i < out->count; ref += out->tensor[i++].count) {
    const double error = check_norm_f64(out->tensor[i].at, ref, out->tensor[i].count);
    if (isnan(worst) || !(isnan(error) || error > worst)) continue;
    worst = error;
    if (where) snprintf(where, 64, "%s", out->tensor[i].name);
  }
  return worst;
}

/* --- draws --- */

typedef struct problem {
  void (*draw)(void *self);
  void (*run)(void *self);
  void *self;
  tensor_list in, out;
} problem;

/* 1 if no output moves by more than `most` where every input is rounded once more.  Each probe has other
 * errors, since a sum of few terms may stand still by luck.  Inputs and outputs are what they were. */
static inline int problem_is_conditioned(const problem *p, double rounding, double most) {
  double *in = list_copy(&p->in), *out = list_copy(&p->out);
  int good = 1;
  for (int probe = 0; probe < PROBES && good; probe++) {
    for (int i = 0; i < p->in.count; i++)
      for (int64_t j = 0; j < p->in.tensor[i].count; j++)
        p->in.tensor[i].at[j] *= 1 + rounding * check_uniform(-1, 1);
    p->run(p->self);
    good = list_error(&p->out, out, NULL) <= most;
    list_restore(&p->in, in);
  }
  list_restore(&p->out, out);
  free(in);
  free(out);
  return good;
}

/* 1 if a well-conditioned draw was found; else a failed check. */
static inline int problem_draw(const problem *p, int math, const char *name) {
  const double most = arithmetic[math].share * arithmetic[math].limit;
  for (int i = 0; i < DRAWS; i++) {
    p->draw(p->self);
    p->run(p->self);
    if (problem_is_conditioned(p, arithmetic[math].rounding, most)) return 1;
  }
  char why[120];
  snprintf(why, sizeof why, "none of %d draws is well-conditioned in %s", (int)DRAWS, arithmetic[math].name);
  return check_record(0, why, "%s", name);
}

#endif
