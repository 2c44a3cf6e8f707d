/* lock.h - one run at a time saves into a checkpoint. */
#ifndef LOCK_H
#define LOCK_H

enum { LOCK_PATH = 4096 + 64 };

/* A small file beside the checkpoint, .seqgpu-lock-HASH.tmp, with an flock on it.  It is there as long as the
 * run: the system releases the lock of a killed one, and the next save in that folder removes the file. */
typedef struct lock {
  char name[LOCK_PATH]; /* "": not taken */
  int fd;
} lock;

/* Takes the lock of a path, which also proves that files can be made in its folder and written.  0, or
 * CLI_FAILED after a sentence. */
int lock_take(lock *l, const char *path);
void lock_release(lock *l);

#endif
