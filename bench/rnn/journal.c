/* journal.c - see journal.h. */
#define _POSIX_C_SOURCE 200809L

#include "bench/rnn/journal.h"

#include <stdio.h>
#include <unistd.h>

/* Without a handler SIGALRM ends the process at once, whatever its threads wait for. */
void rnn_journal_turn(const rnn_options *o, int problem, const char *contender) {
  alarm((unsigned)o->patience_s);
  FILE *file = o->journal ? fopen(o->journal, "w") : NULL;
  if (file == NULL) return;
  fprintf(file, "%d %s\n", problem, contender);
  fclose(file);
}

void rnn_journal_rest(const rnn_options *o) {
  alarm(0);
  FILE *file = o->journal ? fopen(o->journal, "w") : NULL;
  if (file) fclose(file);
}
