/* kinds.h - the faults that can be injected into the calls of the C library: what the shim (shim.c) lets
 * fail, and what the sweep (sweep.c) makes of it.
 *
 * A *class* is a group of functions whose calls are counted together.  A *kind* is a class and the way in
 * which a call of it fails.
 */
#ifndef FAULTS_KINDS_H
#define FAULTS_KINDS_H

#include <errno.h>
#include <stdatomic.h>

typedef enum fault_class {
  FAULT_MEMORY,   /* malloc, calloc, realloc, aligned_alloc, posix_memalign, also the C library's own calls */
  FAULT_OPEN,     /* open, openat, fopen, opendir, mkstemp, dup */
  FAULT_READ,     /* read, pread, and what fread, fgets, getline read */
  FAULT_WRITE,    /* write, pwrite, and what fwrite, fflush, fclose write; not to the standard streams */
  FAULT_OUT,      /* the same, to standard output */
  FAULT_CLOSE,    /* close, and that of fclose */
  FAULT_SYNC,     /* fsync */
  FAULT_RENAME,   /* rename */
  FAULT_LINK,     /* link, linkat */
  FAULT_UNLINK,   /* unlink, unlinkat */
  FAULT_STAT,     /* stat, lstat, fstat, access */
  FAULT_TRUNCATE, /* ftruncate */
  FAULT_SEEK,     /* lseek, and that of fseek, ftell, rewind */
  FAULT_OWNER,    /* fchmod, fchown */
  FAULT_LOCK,     /* flock */
  FAULT_FOLDER,   /* mkdir, readdir */
  FAULT_PATH,     /* realpath, readlink */
  FAULT_MAP,      /* mmap, madvise */
  FAULT_THREAD,   /* pthread_create */
  FAULT_MUTEX,    /* pthread_mutex_init, pthread_cond_init */
  FAULT_SYSTEM,   /* sysconf, sched_getaffinity, gethostname, getrandom */
  FAULT_SIGNALS,  /* no call: a signal all the time, with a handler that restarts nothing */
  FAULT_CLASSES
} fault_class;

/* What a call does that is to fail; HALF: it does half of what was asked for, but at least a byte. */
typedef enum fault_way { FAULT_ONCE, FAULT_ALWAYS, FAULT_HALF } fault_way;

typedef struct fault_kind {
  const char *name;
  fault_class of;
  int error;        /* errno */
  fault_way way;    /* ALWAYS: all calls from that one on */
  int must_recover; /* whether the program has to give the same results all the same */
} fault_kind;

static const fault_kind fault_kinds[] = {
    {"memory", FAULT_MEMORY, ENOMEM, FAULT_ONCE, 0},
    {"memory-gone", FAULT_MEMORY, ENOMEM, FAULT_ALWAYS, 0},
    {"open", FAULT_OPEN, EMFILE, FAULT_ONCE, 0},
    {"open-gone", FAULT_OPEN, EACCES, FAULT_ALWAYS, 0},
    {"read", FAULT_READ, EIO, FAULT_ONCE, 0},
    {"read-short", FAULT_READ, 0, FAULT_HALF, 1},
    {"read-again", FAULT_READ, EINTR, FAULT_ONCE, 1},
    {"write", FAULT_WRITE, EIO, FAULT_ONCE, 0},
    {"write-full", FAULT_WRITE, ENOSPC, FAULT_ALWAYS, 0},
    {"write-short", FAULT_WRITE, 0, FAULT_HALF, 1},
    {"write-again", FAULT_WRITE, EINTR, FAULT_ONCE, 1},
    {"out", FAULT_OUT, EIO, FAULT_ONCE, 0},
    {"out-full", FAULT_OUT, ENOSPC, FAULT_ALWAYS, 0},
    {"out-short", FAULT_OUT, 0, FAULT_HALF, 1},
    {"close", FAULT_CLOSE, EIO, FAULT_ONCE, 0},
    {"sync", FAULT_SYNC, EIO, FAULT_ONCE, 0},
    {"sync-again", FAULT_SYNC, EINTR, FAULT_ONCE, 1},
    {"rename", FAULT_RENAME, EACCES, FAULT_ONCE, 0},
    {"link", FAULT_LINK, EPERM, FAULT_ONCE, 1},
    {"unlink", FAULT_UNLINK, EACCES, FAULT_ONCE, 0},
    {"stat", FAULT_STAT, EACCES, FAULT_ONCE, 0},
    {"truncate", FAULT_TRUNCATE, EIO, FAULT_ONCE, 0},
    {"truncate-again", FAULT_TRUNCATE, EINTR, FAULT_ONCE, 1},
    {"seek", FAULT_SEEK, EIO, FAULT_ONCE, 0},
    {"owner", FAULT_OWNER, EPERM, FAULT_ONCE, 0},
    {"lock", FAULT_LOCK, ENOLCK, FAULT_ONCE, 1},
    {"folder", FAULT_FOLDER, EACCES, FAULT_ONCE, 0},
    {"path", FAULT_PATH, EACCES, FAULT_ONCE, 0},
    {"map", FAULT_MAP, ENOMEM, FAULT_ONCE, 1},
    {"thread", FAULT_THREAD, EAGAIN, FAULT_ONCE, 0},
    {"mutex", FAULT_MUTEX, ENOMEM, FAULT_ONCE, 0},
    {"system", FAULT_SYSTEM, ENOSYS, FAULT_ONCE, 1},
    {"signals", FAULT_SIGNALS, 0, FAULT_ONCE, 1}, /* every n tenths of a millisecond */
};
enum { FAULT_KINDS = sizeof fault_kinds / sizeof fault_kinds[0] };

/* What a process with the shim leaves in the file FAULT_REPORT, which is as large as this. */
typedef struct fault_report {
  atomic_long calls[FAULT_CLASSES];
  atomic_long fired;    /* calls that failed */
  long blocks, streams; /* of the program, not released when it ended: memory, and files */
  int ended;            /* it came to its end: the two above are known */
  char where[96];       /* "fopen from seqgpu+0x1234": the first call that failed */
} fault_report;

#define FAULT_REPORT "SEQGPU_FAULT_REPORT" /* a file */
#define FAULT_WHICH  "SEQGPU_FAULT"        /* KIND:N, without it none fails */

#endif
