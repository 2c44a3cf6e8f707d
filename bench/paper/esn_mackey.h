/* esn_mackey.h - the experiment "Mackey-Glass, 84 steps ahead" of paper_esn. */
#ifndef PAPER_ESN_MACKEY_H
#define PAPER_ESN_MACKEY_H

/* Runs the experiment, or with search > 0 tries that many random settings on series and networks that the
 * experiment does not
 * see.  folder: of the results, NULL for bench/results.  The exit code. */
int esn_mackey_glass(const char *folder, int search);

#endif
