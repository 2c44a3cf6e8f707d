/* home.h - is this still the process in which something was made?  A child of fork() has the memory of its
 * parent, but none of its threads, and no right to its GPU. */
#ifndef SQ_HOME_H
#define SQ_HOME_H

typedef struct sq_home {
  volatile unsigned char *mark; /* 1; the kernel makes it 0 in a child */
  long pid;                     /* where the kernel does not; 0: nothing was noted */
} sq_home;

void sq_home_note(sq_home *home);
void sq_home_forget(sq_home *home);

/* 1 in a child of the process that noted it.  A load of one byte on Linux, where asking for the process's
 * number would be a system call. */
int sq_home_left(const sq_home *home);

#endif
