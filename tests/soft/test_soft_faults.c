/* test_soft_faults.c - whichever call of the CUDA runtime, cuBLAS, cuFFT or cuDNN fails: the library says so
 * in a sentence, or gives the usual results, bit for bit; it leaks nothing on the device; and when the
 * context is gone, another one works as if nothing had happened.
 *
 *   test_soft_faults [NAME] [MOST]   all lives and algorithms, or one; MOST calls of each [12], 0 = all
 *
 * The lives are those of faults/lives.h.  What a run or an update has done when a call of it fails is not
 * defined, so it is made again only to see that the library goes on.
 */
#include "tests/check.h"
#include "tests/faults/lives.h"
#include "tests/soft/controls.h"

typedef struct tried {
  seqgpu_status opened, status;
  uint64_t calls, hash;
  size_t left; /* bytes on the device, after the context's end */
  int failures;
  char said[256]; /* the sentence of the last failure */
} tried;

static const char *const cells_of_interest[] = {"lstm", "gru", "urnn"};

/* A life on a context that was opened before call `fail_at` (from 1; 0 = none fails) could fail; with
 * `opening`, the opening itself and nothing else. */
static tried live_once(int index, const char *cell, const char *algorithm, uint64_t fail_at, int opening) {
  const seqgpu_context_options options = {.device = "cuda"};
  const size_t before = soft_allocated();
  life l = {.path = "/tmp/seqgpu-soft-faults", .hash = 14695981039346656037u, .algorithm = algorithm};
  tried t = {.status = SEQGPU_OK};
  uint64_t first = soft_calls();
  if (opening) soft_fail_call(fail_at);
  t.opened = seqgpu_context_create(&options, &l.ctx);
  if (t.opened != SEQGPU_OK) life_failed(&l, t.opened);
  if (!opening) {
    first = soft_calls();
    soft_fail_call(fail_at);
    t.status = cell ? life_of_cell(&l, cell) : lives[index].live(&l);
    t.calls = soft_calls() - first;
  }
  life_close(&l);
  seqgpu_context_destroy(l.ctx);
  if (opening) t.calls = soft_calls() - first;
  soft_fail_call(0);
  t.failures = l.failures;
  snprintf(t.said, sizeof t.said, "%.255s", l.said);
  t.hash = l.hash;
  t.left = soft_allocated() - before;
  return t;
}

static const char *wrong_with(const tried *t, const tried *usual) {
  if (t->failures > 0 && t->said[0] == 0) return "a failure without a sentence";
  if (t->left != 0) return "memory is left on the device";
  if (t->failures > 0) return NULL;
  if (t->hash != usual->hash) return "no call fails, and the results are others";
  return NULL;
}

/* Call number i of `most` that are spread over all of them, from 1. */
static uint64_t pick(uint64_t i, uint64_t most, uint64_t calls) {
  const uint64_t begin = i * calls / most, end = (i + 1) * calls / most;
  return begin + 1 + (uint64_t)check_below((int64_t)(end - begin));
}

static void fail_each(const char *name, int index, const char *cell, const char *algorithm, int opening,
                      uint64_t most) {
  live_once(index, cell, algorithm, 0,
            opening); /* variables of kernels come with the first launch, and stay */
  const tried usual = live_once(index, cell, algorithm, 0, opening);
  uint64_t tries = most == 0 || most > usual.calls ? usual.calls : most;
  long told = 0;
  if (!CHECK(usual.opened == SEQGPU_OK && usual.status == SEQGPU_OK && usual.failures == 0 && usual.left == 0,
             "%s: without a failure: status %d, %d failures, %zu bytes left: %s", name, (int)usual.status,
             usual.failures, usual.left, usual.said))
    return;
  for (uint64_t i = 0; i < tries; i++) {
    const uint64_t n = tries == usual.calls ? i + 1 : pick(i, tries, usual.calls);
    const tried t = live_once(index, cell, algorithm, n, opening);
    const char *wrong = wrong_with(&t, &usual);
    told += t.failures > 0;
    if (wrong)
      check_record(0, wrong, "%s: call %llu of %llu fails", name, (unsigned long long)n,
                   (unsigned long long)usual.calls);
  }
  const tried after = live_once(index, cell, algorithm, 0, opening);
  CHECK(after.failures == 0 && after.hash == usual.hash,
        "%s: %llu of %llu calls fail, each once; %ld are told, the others make no difference, and nothing "
        "remains",
        name, (unsigned long long)tries, (unsigned long long)usual.calls, told);
}

/* Every algorithm that can run the cell. */
static void fail_each_algorithm(const char *cell, const char *only, uint64_t most) {
  const seqgpu_context_options options = {.device = "cuda"};
  seqgpu_context *ctx = NULL;
  const int there = seqgpu_context_create(&options, &ctx) == SEQGPU_OK;
  seqgpu_rnn_desc desc = life_desc(cell);
  seqgpu_algorithm_info info;
  desc.bidirectional = 1;
  desc.dropout = 0.25;
  for (int i = 0; there && i < seqgpu_algorithm_count(ctx); i++) {
    char name[128];
    if (seqgpu_algorithm_get(ctx, &desc, i, &info) != SEQGPU_OK || info.why_not[0]) continue;
    snprintf(name, sizeof name, "%s, %s", info.name, cell);
    if (only == NULL || strcmp(only, info.name) == 0) fail_each(name, 0, cell, info.name, 0, most);
  }
  seqgpu_context_destroy(ctx);
}

int main(int argc, char **argv) {
  const char *only = argc > 1 && strcmp(argv[1], "all") != 0 ? argv[1] : NULL;
  const uint64_t most = argc > 2 ? strtoull(argv[2], NULL, 10) : 12;
  check_start();
  if (only == NULL || strcmp(only, "open") == 0) fail_each("a context", 0, NULL, NULL, 1, most);
  for (int i = 0; i < LIVES; i++)
    if (lives[i].on_cuda && (only == NULL || strcmp(only, lives[i].name) == 0))
      fail_each(lives[i].name, i, NULL, NULL, 0, most);
  for (size_t c = 0; c < COUNT(cells_of_interest); c++)
    if (only == NULL || strchr(only, '/')) fail_each_algorithm(cells_of_interest[c], only, most);
  return check_finish();
}
