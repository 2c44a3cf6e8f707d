/* esn_narma.h - the experiment "NARMA of order 10" of paper_esn. */
#ifndef PAPER_ESN_NARMA_H
#define PAPER_ESN_NARMA_H

/* Runs the experiment, or with search > 0 tries that many random settings on series and networks that the
 * experiment does not
 * see.  folder: of the results, NULL for bench/results.  The exit code. */
int esn_narma10(const char *folder, int search);

#endif
