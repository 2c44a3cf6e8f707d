/* controls.h - the software device's controls for tests written in C.
 *
 * Environment: SEQGPU_SOFT_DEVICE  a row of device.cpp ("4 SMs")
 *              SEQGPU_SOFT_SEED    the seed of the schedules; fresh, and printed on stdout, unless it is given
 *              SEQGPU_SOFT_LIBRARIES  0: cuBLAS, cuFFT and cuDNN are not installed
 *              SEQGPU_SOFT_WEAK    1: late stores and stale lines, as soft_set_weak(1)
 *              SEQGPU_SOFT_FAIL    N: call N fails, as soft_fail_call(N) at the start
 *
 * At the end of the process it says on stderr what was not released, and which calls were refused without a
 * test having asked for it; the exit status is then 86.
 */
#ifndef SOFT_CONTROLS_H
#define SOFT_CONTROLS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void soft_set_seed(uint64_t seed);
uint64_t soft_get_seed(void);

/* 0 if there is no such row.  What is allocated stays. */
int soft_set_device(const char *name);
const char *soft_get_device(void);

/* How many cards there are, all of that kind; they share their memory.  One, unless a test asks for more. */
void soft_set_devices(int count);
/* Whether all of the host's memory counts as page-locked: a copy to the device then reads it when the stream gets
 * there, not when it is enqueued. */
void soft_set_page_locked(int on);

/* Whether stores to global memory become visible late, and plain loads may see old lines, as far as the memory
 * model allows. */
void soft_set_weak(int on);

/* The last sentence about a fault of a kernel, or a call that was refused; "" if there is none.  Valid until
 * the next. */
const char *soft_last_fault(void);
/* Forgets it: the device works again, and the exit status is not bad for it.  What was enqueued is dropped. */
void soft_reset_fault(void);

/* So far: calls of the runtime, cuBLAS, cuFFT and cuDNN. */
uint64_t soft_calls(void);
/* Call n from now on, 1 being the next, fails once, and has no other effect: cudaMalloc for lack of memory,
 * others as where an execution failed, of which the test then knows nothing else; what gives something back
 * does so all the same.  0 = none.  The exit status is not bad for it. */
void soft_fail_call(uint64_t n);

/* So far: calls that set an attribute of a kernel. */
uint64_t soft_attributes_set(void);

/* So far: kernels run, warp instructions executed, bytes allocated at present. */
uint64_t soft_launches(void);
uint64_t soft_instructions(void);
size_t soft_allocated(void);
/* The names of the kernels that have run, as in the PTX; how many.  names: room for that many, or NULL. */
size_t soft_kernels(const char **names, size_t room);

#ifdef __cplusplus
}
#endif
#endif
