/* breaking.h - what a program does when its device fails: it runs again and again, and each time another call
 * of the device, or of an operator, reports an error.
 *
 *   breaking_each("update", SEQGPU_DTYPE_F32, scenario);
 *
 * The device is the CPU with a count before each call.  To the library it is no CPU: its memory comes from
 * the device, as a GPU's does.  A scenario gets a context of it, releases what it takes, and returns the
 * first status that is not SEQGPU_OK; a plan whose algorithm may fail as well has been through breaking_plan.
 */
#ifndef BREAKING_H
#define BREAKING_H

#include "host/context/context.h"
#include "host/plan/plan.h"
#include "tests/failing.h"

#include <errno.h>

typedef struct breaking {
  long calls, break_at;
  failing memory;                            /* counts what is held, and refuses nothing */
  const sq_algorithm *algorithm, *inference; /* of plans: one that trains, one that cannot */
} breaking;
static breaking breaking_now; /* of the scenario that runs */

/* One call: whether it is the one that fails. */
static inline int breaking_call(void) { return breaking_now.calls++ == breaking_now.break_at; }

static inline int breaking_allocate(sq_exec *exec, size_t bytes, void **out) {
  (void)exec;
  if (breaking_call()) return ENOMEM;
  *out = failing_allocate(bytes, &breaking_now.memory);
  return 0;
}

static inline void breaking_release(sq_exec *exec, void *pointer) {
  (void)exec;
  failing_release(pointer, &breaking_now.memory);
}

static inline int breaking_copy(sq_exec *exec, void *to, const void *from, size_t bytes) {
  return breaking_call() ? EIO : sq_backend_cpu.device->copy(exec, to, from, bytes);
}

static inline int breaking_zero(sq_exec *exec, void *pointer, size_t bytes) {
  return breaking_call() ? EIO : sq_backend_cpu.device->zero(exec, pointer, bytes);
}

static inline int breaking_synchronize(sq_exec *exec) {
  (void)exec;
  return breaking_call() ? EIO : 0;
}

#define BREAKING_OPERATOR(name, type)                                                                        \
  static inline int breaking_##name##_f32(sq_exec *exec, const type *args) {                                 \
    return breaking_call() ? EIO : sq_cpu_ops_f32.name(exec, args);                                          \
  }                                                                                                          \
  static inline int breaking_##name##_f64(sq_exec *exec, const type *args) {                                 \
    return breaking_call() ? EIO : sq_cpu_ops_f64.name(exec, args);                                          \
  }
SQ_OPS(BREAKING_OPERATOR)
#undef BREAKING_OPERATOR

#define BREAKING_F32(name, type) .name = breaking_##name##_f32,
#define BREAKING_F64(name, type) .name = breaking_##name##_f64,
static const sq_ops breaking_ops[2] = {{SQ_OPS(BREAKING_F32)}, {SQ_OPS(BREAKING_F64)}};
#undef BREAKING_F32
#undef BREAKING_F64

static sq_device breaking_device; /* filled in below: its name must be the CPU's, by its address */
static const sq_backend breaking_backend = {&breaking_device, {&breaking_ops[0], &breaking_ops[1]}};

/* Makes a context of the CPU one of the device that breaks; and one of the CPU again, to be destroyed. */
static inline void breaking_begin(seqgpu_context *ctx) {
  breaking_device = *sq_backend_cpu.device;
  breaking_device.allocate = breaking_allocate;
  breaking_device.release = breaking_release;
  breaking_device.copy_in = breaking_device.copy_out = breaking_device.copy = breaking_copy;
  breaking_device.zero = breaking_zero;
  breaking_device.synchronize = breaking_synchronize;
  ctx->backend = &breaking_backend;
  ctx->ops = breaking_backend.ops[ctx->dtype];
}

static inline void breaking_end(seqgpu_context *ctx) {
  ctx->backend = &sq_backend_cpu;
  ctx->ops = sq_backend_cpu.ops[ctx->dtype];
}

/* --- plans --- */

static inline int breaking_forward(sq_exec *exec, const sq_layer_run *runs, int count) {
  return breaking_call() ? EIO : breaking_now.algorithm->forward(exec, runs, count);
}

static inline int breaking_backward(sq_exec *exec, const sq_layer_run *runs, int count) {
  return breaking_call() ? EIO : breaking_now.algorithm->backward(exec, runs, count);
}

static inline int breaking_infer(sq_exec *exec, const sq_layer_run *runs, int count) {
  return breaking_call() ? EIO : breaking_now.inference->forward(exec, runs, count);
}

/* The plan's algorithm is one whose calls count.  All plans of a scenario that train have the same algorithm,
 * and all that cannot. */
static inline void breaking_plan(seqgpu_plan *plan) {
  static sq_algorithm counted, only_forward;
  if (plan->algorithm->backward) {
    breaking_now.algorithm = plan->algorithm;
    counted = *plan->algorithm;
    counted.forward = breaking_forward;
    counted.backward = breaking_backward;
    plan->algorithm = &counted;
  } else {
    breaking_now.inference = plan->algorithm;
    only_forward = *plan->algorithm;
    only_forward.forward = breaking_infer;
    plan->algorithm = &only_forward;
  }
}

/* --- the loop --- */

/* Call n of the scenario fails for n = 0, 1, ...: it says SEQGPU_EDEVICE, of a refused allocation
 * SEQGPU_ENOMEM, and a sentence, and nothing leaks; where nothing failed it succeeds, and where it `recovers`
 * also where memory was refused.  One check; returns the number of calls. */
static inline long breaking_each_of(const char *name, seqgpu_dtype dtype,
                                    seqgpu_status (*scenario)(seqgpu_context *), int recovers) {
  char why[700] = "";
  breaking_now = (breaking){.calls = 1};
  for (long n = 0; breaking_now.calls > breaking_now.break_at && !why[0]; n++) {
    breaking_now = (breaking){.break_at = n, .memory = {.fail_at = -1}};
    const seqgpu_allocator allocator = {failing_allocate, failing_release, &breaking_now.memory};
    const seqgpu_context_options options = {
        .device = "cpu", .threads = 1, .dtype = dtype, .allocator = &allocator};
    seqgpu_context *ctx = NULL;
    if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) return 0;
    breaking_begin(ctx);
    const seqgpu_status status = scenario(ctx);
    breaking_end(ctx);
    const char *said = seqgpu_last_error(ctx);
    const int failed = breaking_now.calls > n;
    const int right = failed ? (status == SEQGPU_EDEVICE && strstr(said, "cpu reports: ") != NULL) ||
                                   ((status == SEQGPU_ENOMEM || (recovers && status == SEQGPU_OK)) &&
                                    strstr(said, "memory") != NULL)
                             : status == SEQGPU_OK;
    if (!right)
      snprintf(why, sizeof why, "call %ld %s: %s, \"%s\"", n, failed ? "fails" : "is none",
               seqgpu_status_name(status), said);
    seqgpu_context_destroy(ctx);
    if (breaking_now.memory.live != 0)
      snprintf(why, sizeof why, "call %ld fails: %ld pieces of memory leak", n, breaking_now.memory.live);
  }
  check_record(!why[0], why, "%s, each of %ld calls of the device fails: a status, a sentence, no leak", name,
               breaking_now.calls);
  return breaking_now.calls;
}

static inline long breaking_each(const char *name, seqgpu_dtype dtype,
                                 seqgpu_status (*scenario)(seqgpu_context *)) {
  return breaking_each_of(name, dtype, scenario, 0);
}

#endif
