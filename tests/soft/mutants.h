/* mutants.h - planted faults (mutate.h) for programs in C: kernels by the names of their entries. */
#ifndef SOFT_MUTANTS_H
#define SOFT_MUTANTS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The names of all kernels there are, and how many. */
size_t soft_all_kernels(const char **names, size_t room);
/* How often that kernel was launched so far. */
uint64_t soft_launches_of(const char *kernel);
/* How many mutants there are of it. */
size_t soft_mutants(const char *kernel);
/* One of them: its kind, where it is ("kernels/simt.h:204"), and of these: a run has come to the instruction; its
 * operands are exchanged.  `place` is valid until the next call. */
enum { SOFT_REACHED = 1, SOFT_EXCHANGED = 2 };
int soft_mutant(const char *kernel, size_t index, const char **kind, const char **place);
/* From the next launch on the kernel is that mutant, for the rest of the process. */
void soft_plant(const char *kernel, size_t index);

#ifdef __cplusplus
}
#endif
#endif
