/* library.c - one life of lives.h as a program, for the sweep: faults_library NAME [THREADS].
 *
 * It prints a hash of the results, or the sentence of what failed twice as the program `seqgpu` does.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdlib.h>

#include "tests/faults/lives.h"

static int fail(const char *sentence) {
  fprintf(stderr, "seqgpu: %s\n", sentence[0] ? sentence : "out of memory");
  return 1;
}

static seqgpu_status open_context(life *l, int threads) {
  const seqgpu_context_options options = {.device = "cpu", .threads = threads};
  seqgpu_context_destroy(l->ctx);
  return seqgpu_context_create(&options, &l->ctx);
}

int main(int argc, char **argv) {
  life l = {.path = "life"};
  int index = 0;
  while (argc > 1 && index < LIVES && strcmp(lives[index].name, argv[1]) != 0) index++;
  if (argc < 2 || index == LIVES) {
    fprintf(stderr, "usage: faults_library NAME [THREADS]\n");
    return 2;
  }
  const int threads = argc > 2 ? atoi(argv[2]) : 1;
  seqgpu_status status = open_context(&l, threads);
  if (status != SEQGPU_OK) status = open_context(&l, threads);
  if (status == SEQGPU_OK) status = lives[index].live(&l);
  const int code = status == SEQGPU_OK ? 0 : fail(l.ctx ? seqgpu_last_error(l.ctx) : "");
  if (status == SEQGPU_OK) printf("%016llx\n", (unsigned long long)l.hash);
  life_close(&l);
  seqgpu_context_destroy(l.ctx);
  return fflush(stdout) == 0 ? code : fail(strerror(errno));
}
