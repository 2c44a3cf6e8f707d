/* names.h - what the tensors of a model are called in a file, and where they lie in memory (names.c).
 *
 * In the file                                         here
 *   NAME                                              every tensor that is not one of the following
 *   ...bias_ih_lK, ...bias_hh_lK                      ...bias_lK, of a GRU ...bias_rec_lK as well (params.h)
 *   optimizer.first.NAME, optimizer.second.NAME       moments
 *   optimizer.raw.NAME                                values, where NAME is their average
 *   optimizer.averaged [1] I64                        values in the averages; only where there are some
 *   optimizer.clip_state [8]                          running average of the gradient norm, and so on
 *   optimizer.counters [5] I64                        updates, seed, draws, has first moments, has second
 *
 * Our whole bias goes to bias_ih, and bias_hh is zero; reading adds them, and a zero bias_hh changes no bit.
 */
#ifndef SQ_CHECKPOINT_NAMES_H
#define SQ_CHECKPOINT_NAMES_H

#include "host/checkpoint/element.h"
#include "host/params/params.h"

enum { SQ_FILE_NAME = SQ_NAME_SIZE + 24 };

extern const char sq_counters_name[], sq_clip_name[], sq_averaged_name[];
enum { SQ_UPDATES, SQ_SEED, SQ_DRAWS, SQ_HAS_FIRST, SQ_HAS_SECOND, SQ_COUNTERS };

/* Which memory of a tensor; once values are averaged, VALUE is the average and RAW the value. */
typedef enum sq_memory { SQ_MEMORY_VALUE, SQ_MEMORY_FIRST, SQ_MEMORY_SECOND, SQ_MEMORY_RAW } sq_memory;
extern const char *const sq_memory_prefix[];

void *sq_memory_of(const seqgpu_params *params, const sq_tensor *tensor, sq_memory which);
int sq_is_trained(const seqgpu_params *params, const sq_tensor *tensor);
/* A bias that is split (params/split.h) stands in the file as its two parts, under the same names. */
int sq_is_sum(const seqgpu_params *params, const sq_tensor *tensor);
sq_st_dtype sq_context_dtype(const seqgpu_context *ctx);

/* The same layer's and direction's: "rnn.bias_l0" with "bias_ih" is "rnn.bias_ih_l0",
 * "rnn.bias_rec_l1_reverse" with "weight_ih" is "rnn.weight_ih_l1_reverse". */
void sq_bias_name(const char *name, const char *kind, char out[SQ_FILE_NAME]);

#endif
