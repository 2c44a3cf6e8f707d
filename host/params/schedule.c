/* schedule.c - learning rate and momentum as functions of the update (seqgpu/schedule.h). */
#include "seqgpu/schedule.h"

#include <math.h>
#include <string.h>

#include "host/context/structs.h"

static int is_valid(const seqgpu_schedule *s, int64_t update) {
  const int decays = s->kind != SEQGPU_SCHEDULE_CONSTANT;
  return (int)s->kind >= 0 && s->kind <= SEQGPU_SCHEDULE_COSINE && update >= 0 && s->warmup >= 0 &&
         isfinite(s->lr) && s->lr >= 0 && s->lowest >= 0 && s->lowest <= s->lr && s->factor >= 0 &&
         s->factor <= 1 && s->every >= decays;
}

/* t updates after the warm-up. */
static double decayed(const seqgpu_schedule *s, int64_t t) {
  const double pi = 3.14159265358979323846, factor = s->factor > 0 ? s->factor : 0.1;
  switch (s->kind) {
  case SEQGPU_SCHEDULE_STEP: {
    const int64_t falls = t / s->every;
    return fmax(s->lowest, s->lr * pow(factor, (double)falls));
  }
  case SEQGPU_SCHEDULE_COSINE:
    if (t >= s->every) return s->lowest;
    return s->lowest + (s->lr - s->lowest) * (1 + cos(pi * (double)t / (double)s->every)) / 2;
  case SEQGPU_SCHEDULE_CONSTANT:
    break;
  }
  return s->lr;
}

double seqgpu_schedule_lr_(const seqgpu_schedule *schedule, int64_t update, size_t size) {
  seqgpu_schedule s;
  if (schedule == NULL || sq_struct_in(NULL, "schedule", &s, sizeof s, schedule, size) != SEQGPU_OK ||
      !is_valid(&s, update))
    return (double)NAN;
  if (update < s.warmup) return s.lr * ((double)update + 1) / (double)s.warmup;
  return decayed(&s, update - s.warmup);
}

enum { STAGE = 250, LAST = 1000 };

double seqgpu_schedule_momentum(int64_t update, double most, int64_t total) {
  if (update < 0 || total < 0 || !(most >= 0 && most < 1)) return (double)NAN;
  const int64_t stages = update / STAGE;
  const double rising = 1 - 0.5 / ((double)stages + 1); /* 2^-log2(x) = 1/x */
  const double limit = total > 0 && update >= total - LAST ? fmin(most, 0.9) : most;
  return fmin(rising, limit);
}
