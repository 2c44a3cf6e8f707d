/* drd.h - core/pool.c tells DRD of its atomic words: included before it by analyse.sh. */
#include <valgrind/drd.h>

#define ATOMIC_WORD(word) DRD_IGNORE_VAR(*(word))
#define CHANGES(word)     ANNOTATE_HAPPENS_BEFORE(word)
#define SEEN(word)        ANNOTATE_HAPPENS_AFTER(word)
