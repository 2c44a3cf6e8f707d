/* helgrind.h - core/pool.c tells Helgrind of its atomic words: included before it by analyse.sh. */
#include <valgrind/helgrind.h>

#define ATOMIC_WORD(word) VALGRIND_HG_DISABLE_CHECKING(word, sizeof *(word))
#define CHANGES(word)     ANNOTATE_HAPPENS_BEFORE(word)
#define SEEN(word)        ANNOTATE_HAPPENS_AFTER(word)
