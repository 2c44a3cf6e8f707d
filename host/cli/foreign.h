/* foreign.h - language models of other programs, whose files hold tensors and nothing else: the command line
 * says what they are.
 *
 * The tensors are named as ours: embedding.weight [V,E], rnn.weight_ih_l0 ... as PyTorch writes them,
 * output.weight [V,Y], output.bias [V] (which may be missing).
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include "host/cli/charlm.h"
#include "host/cli/vocab.h"

typedef struct foreign_model {
  charlm_config config;
  /* A file: the tokens in the order of their numbers, with white space between them, and %XX for a byte that
   * would be none.  NULL: the 256 bytes, where config.tokens says bytes. */
  const char *vocabulary;
} foreign_model;

#define FOREIGN_DEFAULTS                                                                                     \
  { .config = charlm_defaults }

/* Appends the rows of what makes the shape of a model, and of the vocabulary, to the table of a command
 * whose options hold a foreign_model at `shift`. */
void foreign_join_specs(arg_spec table[ARGS_MAX], size_t shift);

/* The vocabulary; 0, or an exit code after a sentence about `path`, the model's file. */
int foreign_vocabulary(const foreign_model *model, const char *path, vocabulary *out);

/* For a file that says itself what it is: 0, or an exit code after a sentence if the command line says
 * something else than that (and than the defaults). */
int foreign_check(const foreign_model *model, const char *path, const charlm_config *stored);

#endif
