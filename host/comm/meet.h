/* meet.h - the word of one process to all, by way of files: how processes find each other that nothing else
 * connects. */
#ifndef SQ_MEET_H
#define SQ_MEET_H

#include "host/context/context.h"

enum { SQ_MEET_WORD = 128, SQ_MEET_MOST = 4096 /* processes */ };

/* SEQGPU_EINVAL and a sentence where a call that says these (seqgpu_comm_create_file) is wrong. */
seqgpu_status sq_meet_check(seqgpu_context *ctx, const char *path, int rank, int size, double seconds);

/* Gives the `word` of process 0 to all.  Each process waits at most `seconds`; its files are gone afterwards.
 * SEQGPU_EPEER: another one did not come, or a file has been taken over by a process of the same number;
 * SEQGPU_EIO, SEQGPU_ENOMEM. */
seqgpu_status sq_meet(seqgpu_context *ctx, const char *path, int rank, int size, double seconds,
                      char word[SQ_MEET_WORD]);

#endif
