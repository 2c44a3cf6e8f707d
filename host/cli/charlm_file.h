/* charlm_file.h - checkpoints of the language model: what stands in the metadata beside the tensors.
 *
 *   format       "seqgpu charlm 1"
 *   cell ... lr-decay-after   the options, one key per row of the table (config.h)
 *   vocabulary   the tokens in the order of their numbers (vocab.h)
 *   step, epoch, data_size, data_hash   where training stands, and on which text
 *   text         the names of its files as they were given, one a line
 */
#ifndef CHARLM_FILE_H
#define CHARLM_FILE_H

#include "host/cli/foreign.h"

extern const char charlm_format[];

/* Saves model, config, vocabulary, cursor and the names of the texts; a library status (the sentence is in
 * the context). */
seqgpu_status charlm_save(const charlm *m, const vocabulary *v, const config_cursor *cursor, int64_t epoch,
                          const arg_list *texts, const char *path);
/* The names of the texts of a checkpoint, in *out, whose items point into *memory, which is to be freed;
 * none where it does not name them. */
int charlm_open_texts(const seqgpu_checkpoint *file, arg_list *out, char **memory);
/* The vocabulary of a checkpoint of the language model. */
int charlm_open_vocab(const seqgpu_checkpoint *file, const charlm_config *config, vocabulary *out);
/* Config, vocabulary and weights, for a pass over T steps of B streams: what sample, eval and inspect need.
 * It runs as `how` says, not as it was trained.  foreign: what the command line says of a file of another
 * program; NULL: there is no such.  0, or an exit code after a sentence. */
int charlm_load(seqgpu_context *ctx, const char *path, const how_options *how, const foreign_model *foreign,
                int64_t T, int64_t B, int training, charlm *m, vocabulary *v);

#endif
