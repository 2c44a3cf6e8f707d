/* signals.h - signals upon which a training run saves and ends: Ctrl-C, SIGTERM, a hang-up. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>

/* From here on these signals only leave their number in *signals_stop(). */
void signals_catch(void);
/* Nonzero: the run shall end.  Its exit code is 128 and the number, as that of a shell. */
const volatile sig_atomic_t *signals_stop(void);

#endif
