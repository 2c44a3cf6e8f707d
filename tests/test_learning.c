/* test_learning.c - what the program makes of its validations (host/cli/learning.h): the learning rate on
 * plateaus and the beginning of the average, beside rules that remember every loss; and the line of
 * numbers that a checkpoint keeps of it.
 */
#include "host/cli/learning.h"
#include "tests/check.h"

enum { MANY = 60 };

/* Losses that fall, stay and rise, with repetitions. */
static void draw_losses(double loss[MANY]) {
  for (int i = 0; i < MANY; i++) {
    loss[i] = (double)check_below(30) / 8 + 3.0 / (i + 1);
    if (i > 0 && check_below(5) == 0) loss[i] = loss[i - 1];
  }
}

/* PyTorch's ReduceLROnPlateau with threshold 0 and patience N-1, by the whole history. */
static double plateau_rate(const double *loss, int count, int64_t every, double factor) {
  double scale = 1, best = (double)INFINITY;
  int64_t bad = 0;
  for (int i = 0; i < count; i++) {
    bad = loss[i] < best ? 0 : bad + 1;
    if (loss[i] < best) best = loss[i];
    if (bad >= every) {
      scale *= factor;
      bad = 0;
    }
  }
  return scale;
}

static void test_plateau(void) {
  double loss[MANY];
  int right = 1, fell = 0;
  for (int trial = 0; trial < 200; trial++) {
    const learning_options o = {
        .schedule = "plateau", .every = 1 + check_below(4), .factor = 0.5, .lowest = 0.001};
    learning_state s = {.validations = 0};
    draw_losses(loss);
    for (int i = 0; i <= MANY; i++) {
      seqgpu_optimizer rates = {.momentum = 0};
      const double scale = plateau_rate(loss, i, o.every, 0.5),
                   expected = 0.25 * scale > 0.001 ? 0.25 * scale : 0.001;
      learning_set_rates(&o, &s, 100 + i, 0.25, &rates);
      right &= rates.lr == expected;
      fell += scale < 1;
      if (i < MANY) learning_validated(&o, &s, 100 + i, loss[i]);
    }
  }
  CHECK(right && fell > 1000, "plateaus, as by the whole history (%d of them below 1)", fell);
}

/* Merity, Keskar, Socher 2018, algorithm 1: validation t triggers if t > n and v > min of all but the last
 * n. */
static int64_t trigger(const double *loss, int64_t n) {
  for (int64_t t = n + 1; t < MANY; t++) {
    double best = (double)INFINITY;
    for (int64_t k = 0; k < t - n; k++) best = loss[k] < best ? loss[k] : best;
    if (loss[t] > best) return t;
  }
  return -1;
}

static void test_trigger(void) {
  double loss[MANY];
  int right = 1, late = 0;
  for (int trial = 0; trial < 500; trial++) {
    const learning_options o = {.schedule = "constant", .average_patience = 1 + check_below(LEARNING_RECENT)};
    learning_state s = {.validations = 0};
    draw_losses(loss);
    if (trial % 2)
      for (int i = 0; i < MANY; i++) loss[i] -= i * 0.2; /* a trigger comes later, or never */
    const int64_t expected = trigger(loss, o.average_patience);
    late += expected > 10;
    for (int i = 0; i < MANY; i++) {
      const int averages = expected >= 0 && i > expected;
      right &= learning_averages(&o, &s, 10 * i) ==
               averages; /* of the update that was validated, the next one's */
      learning_validated(&o, &s, 10 * i, loss[i]);
    }
  }
  CHECK(right && late > 20, "the average begins as by the whole history (%d of them late)", late);
  const learning_options given = {.schedule = "constant", .average = 7}, none = {.schedule = "constant"};
  const learning_state s = {.validations = 0};
  CHECK(!learning_averages(&given, &s, 6) && learning_averages(&given, &s, 7) &&
            !learning_averages(&none, &s, 7),
        "or at the update that is given");
}

/* ---------------------------------------------------------------- the line of numbers */

static int same(const learning_state *a, const learning_state *b) {
  return a->validations == b->validations && a->scale == b->scale && a->best == b->best &&
         a->worse == b->worse && a->average_from == b->average_from && a->earlier == b->earlier &&
         memcmp(a->recent, b->recent, sizeof a->recent) == 0;
}

static void test_text(void) {
  char text[LEARNING_TEXT];
  int right = 1;
  for (int trial = 0; trial < 200; trial++) {
    learning_state s = {.validations = check_below(1000),
                        .scale = check_uniform(0, 1),
                        .best = check_uniform(-1e300, 1e300),
                        .worse = check_below(1000),
                        .average_from = check_below(INT64_C(1000000000000)),
                        .earlier = check_uniform(-1, 1)},
                   back;
    for (int i = 0; i < LEARNING_RECENT; i++)
      s.recent[i] = -check_uniform(0, 1) * pow(10, (double)check_below(600) - 300);
    learning_write(&s, text);
    right &= strlen(text) + 1 < sizeof text && learning_read(text, &back) && same(&s, &back);
  }
  CHECK(right, "a state is read from its text, bit for bit");
  static const char *const wrong[] = {"",
                                      "1",
                                      "1 1 0 0 0 0 0 0 0 0 0 0 0",
                                      "1 1 0 0 0 0 0 0 0 0 0 0 0 0 0",
                                      "1 1 0 0 0 0 0 0 0 0 0 0 0 0x",
                                      "-1 1 0 0 0 0 0 0 0 0 0 0 0 0",
                                      "1.5 1 0 0 0 0 0 0 0 0 0 0 0 0",
                                      "1 1.5 0 0 0 0 0 0 0 0 0 0 0 0",
                                      "1 nan 0 0 0 0 0 0 0 0 0 0 0 0",
                                      "1 1 inf 0 0 0 0 0 0 0 0 0 0 0",
                                      "1 1 0 -1 0 0 0 0 0 0 0 0 0 0",
                                      "1 1 0 0 1e300 0 0 0 0 0 0 0 0 0"};
  learning_state s;
  for (size_t i = 0; i < COUNT(wrong); i++) CHECK(!learning_read(wrong[i], &s), "no state: \"%s\"", wrong[i]);
  CHECK(learning_read("1 1 0 0 0 0 0 0 0 0 0 0 0 0", &s), "a state");
}

int main(void) {
  check_start();
  test_plateau();
  test_trigger();
  test_text();
  return check_finish();
}
