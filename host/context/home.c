/* home.c - a page that the kernel clears in children (Linux 4.14: MADV_WIPEONFORK), or the process's number;
 * see home.h. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MADV_WIPEONFORK */

#include "host/context/home.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static volatile unsigned char *wiped_page(void) {
#ifdef MADV_WIPEONFORK
  void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return NULL;
  if (madvise(page, page_size(), MADV_WIPEONFORK) == 0) return page;
  munmap(page, page_size());
#endif
  return NULL;
}

void sq_home_note(sq_home *home) {
  home->pid = (long)getpid();
  home->mark = wiped_page();
  if (home->mark) *home->mark = 1;
}

void sq_home_forget(sq_home *home) {
  if (home->mark) munmap((void *)(size_t)home->mark, page_size());
  *home = (sq_home){.mark = NULL};
}

int sq_home_left(const sq_home *home) {
  if (home->mark) return *home->mark == 0;
  return home->pid != 0 && home->pid != (long)getpid();
}
