/* signals.c - signals that end a training run (signals.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/signals.h"

#include <stddef.h>

static volatile sig_atomic_t stop; /* the only thing a signal handler may touch */

static void on_signal(int number) { stop = number; }

void signals_catch(void) {
  const struct sigaction action = {.sa_handler = on_signal};
  struct sigaction before;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  /* under nohup, which ignores it, a run goes on without its terminal */
  if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
  signal(SIGPIPE, SIG_IGN); /* the reader of the lines has gone: no reason to die without saving */
}

const volatile sig_atomic_t *signals_stop(void) { return &stop; }
