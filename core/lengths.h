/* lengths.h - how many steps of a ragged batch count, for operators and kernels alike.
 *
 * lengths [B] may lie on the device, where the host cannot check them, so they are taken as they come: a negative
 * one is 0, one beyond the tensor is the tensor's.  NULL: every sequence has the full length.
 */
#ifndef SQ_LENGTHS_H
#define SQ_LENGTHS_H

#include <stddef.h>
#include <stdint.h>

#include "core/host_device.h"

/* The length of sequence b, from 0 to most. */
SQ_HOST_DEVICE static inline int64_t sq_length_within(const int32_t *lengths, int64_t b, int64_t most) {
  if (lengths == NULL || lengths[b] > most) return most;
  return lengths[b] < 0 ? 0 : lengths[b];
}

/* Is row r = t * batch + b beyond the end of its sequence? */
SQ_HOST_DEVICE static inline int sq_past_length(const int32_t *lengths, int64_t batch, int64_t r) {
  return lengths != NULL && r / batch >= lengths[r % batch];
}

#endif
