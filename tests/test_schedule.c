/* test_schedule.c - learning rate and momentum over a run (seqgpu/schedule.h), by the papers' formulas. */
#include "seqgpu/seqgpu.h"

#include "tests/check.h"

static double worst_of(const seqgpu_schedule *s, double (*expected)(const seqgpu_schedule *, int64_t)) {
  double worst = 0;
  for (int64_t u = 0; u < 300; u++)
    worst = check_worse(worst, fabs(seqgpu_schedule_lr(s, u) - expected(s, u)) / s->lr);
  return worst;
}

/* The rate after the warm-up, as the product that it is. */
static double by_steps(const seqgpu_schedule *s, int64_t update) {
  if (update < s->warmup) return s->lr * (double)(update + 1) / (double)s->warmup;
  double lr = s->lr;
  for (int64_t t = s->warmup + s->every; t <= update; t += s->every) lr *= s->factor > 0 ? s->factor : 0.1;
  return lr > s->lowest ? lr : s->lowest;
}

/* Half a cosine as the square of another: (1 + cos 2x) / 2 = cos^2 x. */
static double by_cosine(const seqgpu_schedule *s, int64_t update) {
  if (update < s->warmup) return s->lr * (double)(update + 1) / (double)s->warmup;
  if (update >= s->warmup + s->every) return s->lowest;
  const double half = cos(1.5707963267948966 * (double)(update - s->warmup) / (double)s->every);
  return s->lowest + (s->lr - s->lowest) * half * half;
}

static double constant(const seqgpu_schedule *s, int64_t update) {
  return update < s->warmup ? s->lr * (double)(update + 1) / (double)s->warmup : s->lr;
}

static void test_rates(void) {
  const seqgpu_schedule plain = {.lr = 0.25}, rising = {.lr = 0.25, .warmup = 17};
  const seqgpu_schedule steps[] = {{SEQGPU_SCHEDULE_STEP, 0.5, 0, 0.5, 40, 0},
                                   {SEQGPU_SCHEDULE_STEP, 0.5, 0.01, 0, 40, 0},
                                   {SEQGPU_SCHEDULE_STEP, 0.5, 0, 0.9, 1, 13},
                                   {SEQGPU_SCHEDULE_STEP, 0.5, 0, 1, 7, 13}};
  const seqgpu_schedule cosines[] = {{SEQGPU_SCHEDULE_COSINE, 0.5, 0, 0, 200, 0},
                                     {SEQGPU_SCHEDULE_COSINE, 0.5, 0.125, 0, 100, 25},
                                     {SEQGPU_SCHEDULE_COSINE, 0.5, 0.5, 0, 1, 0}};
  check_error(worst_of(&plain, constant), 0, "a constant rate");
  check_error(worst_of(&rising, constant), 1e-15, "a warm-up");
  for (size_t i = 0; i < COUNT(steps); i++)
    check_error(worst_of(&steps[i], by_steps), 1e-13, "steps, %zu", i);
  for (size_t i = 0; i < COUNT(cosines); i++)
    check_error(worst_of(&cosines[i], by_cosine), 1e-15, "a cosine, %zu", i);
}

/* Sutskever et al. 2013, equation 5, as it stands there. */
static double rise(int64_t t, double most) {
  const double mu = 1 - pow(2, -1 - log2(floor((double)t / 250) + 1));
  return mu < most ? mu : most;
}

static void test_momentum(void) {
  double worst = 0;
  for (int64_t t = 0; t < 50000; t += 125)
    worst = check_worse(worst, fabs(seqgpu_schedule_momentum(t, 0.995, 0) - rise(t, 0.995)));
  check_error(worst, 1e-15, "the momentum rises as in the paper");
  CHECK(seqgpu_schedule_momentum(0, 0.99, 0) == 0.5 && seqgpu_schedule_momentum(250, 0.99, 0) == 0.75 &&
            seqgpu_schedule_momentum(249, 0.99, 0) == 0.5,
        "in stages of 250 updates");
  CHECK(seqgpu_schedule_momentum(48999, 0.995, 50000) == rise(48999, 0.995) &&
            seqgpu_schedule_momentum(49000, 0.995, 50000) == 0.9 &&
            seqgpu_schedule_momentum(49999, 0.995, 50000) == 0.9,
        "the last 1000 updates are at 0.9");
  CHECK(seqgpu_schedule_momentum(49999, 0, 50000) == 0 && seqgpu_schedule_momentum(3, 0.99, 500) == 0.5,
        "but no higher than without");
}

static void test_misuse(void) {
  const seqgpu_schedule wrong[] = {
      {(seqgpu_schedule_kind)3, 1, 0, 0, 1, 0},  {(seqgpu_schedule_kind)-1, 1, 0, 0, 1, 0},
      {SEQGPU_SCHEDULE_STEP, -1, 0, 0, 1, 0},    {SEQGPU_SCHEDULE_STEP, (double)INFINITY, 0, 0, 1, 0},
      {SEQGPU_SCHEDULE_STEP, 1, 2, 0, 1, 0},     {SEQGPU_SCHEDULE_STEP, 1, 0, 1.5, 1, 0},
      {SEQGPU_SCHEDULE_STEP, 1, 0, 0, 0, 0},     {SEQGPU_SCHEDULE_COSINE, 1, 0, 0, 0, 0},
      {SEQGPU_SCHEDULE_CONSTANT, 1, 0, 0, 0, -1}};
  for (size_t i = 0; i < COUNT(wrong); i++)
    CHECK(isnan(seqgpu_schedule_lr(&wrong[i], 0)), "a schedule that is none, %zu", i);
  const seqgpu_schedule plain = {.lr = 0.25};
  CHECK(isnan(seqgpu_schedule_lr(NULL, 0)) && isnan(seqgpu_schedule_lr(&plain, -1)),
        "no schedule, and no update");
  CHECK(isnan(seqgpu_schedule_momentum(-1, 0.9, 0)) && isnan(seqgpu_schedule_momentum(0, 1, 0)) &&
            isnan(seqgpu_schedule_momentum(0, 0.9, -1)),
        "a momentum that is none");
  struct {
    seqgpu_schedule known;
    double unknown;
  } newer = {.known = plain};
  CHECK(seqgpu_schedule_lr_(&newer.known, 0, sizeof newer) == 0.25, "a newer schedule with no new field set");
  newer.unknown = 1;
  CHECK(isnan(seqgpu_schedule_lr_(&newer.known, 0, sizeof newer)),
        "a field that is not known here is refused");
  CHECK(seqgpu_schedule_lr_(&plain, 7, offsetof(seqgpu_schedule, lowest)) == 0.25, "an older schedule");
}

int main(void) {
  check_start();
  test_rates();
  test_momentum();
  test_misuse();
  return check_finish();
}
