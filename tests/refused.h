/* refused.h - what the tests of wrong calls (test_api*.c) share.
 *
 * Every refused call must return the right status and leave a sentence that names the argument: REFUSED
 * clears the context's sentence, makes the call, and looks for the word.  Nothing may crash, read or write
 * (the sanitizers look).
 */
#ifndef REFUSED_H
#define REFUSED_H

#include "host/context/context.h"
#include "seqgpu/seqgpu.h"
#include "tests/check.h"

/* One refused call; without a context there is no sentence to look at. */
static inline void refused(const seqgpu_context *ctx, seqgpu_status status, seqgpu_status expected,
                           const char *word, const char *name) {
  char why[900];
  const char *sentence = seqgpu_last_error(ctx);
  const int named = ctx == NULL || (strlen(sentence) > strlen(word) + 4 && strstr(sentence, word));
  snprintf(why, sizeof why, "gives %s, \"%s\"; expected %s and \"%s\"", seqgpu_status_name(status), sentence,
           seqgpu_status_name(expected), word);
  check_record(status == expected && named, why, "%s", name);
}

static inline void forget_error(seqgpu_context *ctx) {
  if (ctx) ctx->error[0] = 0;
}

#define REFUSED(ctx, expected, word, call)                                                                   \
  do {                                                                                                       \
    forget_error(ctx);                                                                                       \
    const seqgpu_status refused_status = (call);                                                             \
    refused(ctx, refused_status, SEQGPU_##expected, word, #call);                                            \
  } while (0)
#define ACCEPTED(ctx, call) check_record((call) == SEQGPU_OK, seqgpu_last_error(ctx), "%s", #call)

/* --- a good descriptor and a good run of it --- */

static inline seqgpu_rnn_desc good_desc(const char *cell) {
  return (seqgpu_rnn_desc){.cell = cell, .input_size = 3, .hidden_size = 4, .seq_len = 5, .batch = 2};
}

static float buffer[4096]; /* stands for every tensor of a run */

static inline seqgpu_rnn_run good_run(void *workspace, void *reserve) {
  return (seqgpu_rnn_run){.seq_len = 5,
                          .batch = 2,
                          .params = buffer,
                          .x = buffer + 512,
                          .y = buffer + 1024,
                          .reserve = reserve,
                          .workspace = workspace,
                          .dy = buffer + 1536,
                          .dx = buffer + 2048,
                          .dparams = buffer + 2560};
}

#endif
