/* journal.h - what bench_rnn is doing, for whoever starts it again after its end.
 *
 * A kernel that hangs, or an error that the device never forgets, ends the process.  The file of --journal then
 * holds one line, the number of the problem and the contender whose turn it was: another bench_rnn goes on with
 * --first NUMBER --without CONTENDER (tests/gpu.sh does).
 */
#ifndef BENCH_RNN_JOURNAL_H
#define BENCH_RNN_JOURNAL_H

#include "bench/rnn/options.h"

/* The exit code after an error of the device that later work would meet as well. */
enum { RNN_LOST = 3 };

/* From here on it is this contender's turn ("reference": the oracle's); with --patience it has that many
 * seconds. */
void rnn_journal_turn(const rnn_options *options, int problem, const char *contender);
/* It is nobody's turn: the journal is empty, and time does not count. */
void rnn_journal_rest(const rnn_options *options);

#endif
