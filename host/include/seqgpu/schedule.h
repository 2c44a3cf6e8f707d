/** @file
 * seqgpu/schedule.h - learning rate and momentum as functions of the update: for seqgpu_optimizer.lr and
 * .momentum.
 *
 *   const seqgpu_schedule schedule = {.kind = SEQGPU_SCHEDULE_COSINE, .lr = 1e-3, .warmup = 500, .every =
 *   20000}; for (int64_t update = 0; update < 20500; update++) {
 *     optimizer.lr = seqgpu_schedule_lr(&schedule, update);
 *     ...
 *   }
 *
 * The functions are pure: a run that is resumed at update N has the rates of the uninterrupted run.
 */
#ifndef SEQGPU_SCHEDULE_H
#define SEQGPU_SCHEDULE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a learning rate falls, t updates after the end of its warm-up. */
typedef enum seqgpu_schedule_kind {
  SEQGPU_SCHEDULE_CONSTANT = 0, /**< not at all */
  SEQGPU_SCHEDULE_STEP = 1,     /**< lr factor^floor(t / every), but not below lowest */
  SEQGPU_SCHEDULE_COSINE =
      2 /**< lowest + (lr - lowest) (1 + cos(pi t / every)) / 2, and lowest from t = every
                                   on: Loshchilov & Hutter 2017, without restarts */
} seqgpu_schedule_kind;

/** A learning rate over the updates of a run. */
typedef struct seqgpu_schedule {
  seqgpu_schedule_kind kind; /**< [SEQGPU_SCHEDULE_CONSTANT] */
  double lr;                 /**< after the warm-up; at least 0 */
  double lowest;             /**< where it ends, from 0 to lr */
  double factor;             /**< STEP: from 0 to 1; 0 = 0.1 */
  int64_t every;             /**< STEP, COSINE: updates, at least 1 */
  int64_t warmup;            /**< of the first updates, number u from 0 has lr (u + 1) / warmup; at least 0 */
} seqgpu_schedule;

/** What seqgpu_schedule_lr calls, with the size of the caller's struct. */
SEQGPU_API double seqgpu_schedule_lr_(const seqgpu_schedule *schedule, int64_t update, size_t size);

/** The learning rate of update number `update`, from 0; NaN if a field is out of its range. */
static inline double seqgpu_schedule_lr(const seqgpu_schedule *schedule, int64_t update) {
  return seqgpu_schedule_lr_(schedule, update, sizeof(seqgpu_schedule));
}

/** The momentum of update number `update`, from 0, that Sutskever, Martens, Dahl, Hinton 2013 train recurrent
 * networks with, by Nesterov's form:
 *   min(1 - 2^(-1 - log2(floor(update / 250) + 1)), most), and in the last 1000 updates of `total` at most
 * 0.9 most: in [0,1); they used 0.9 to 0.995.  total: updates of the run; 0 = it has no last ones.
 * NaN if an argument is out of its range. */
SEQGPU_API double seqgpu_schedule_momentum(int64_t update, double most, int64_t total);

#ifdef __cplusplus
}
#endif
#endif
