/* text_bytes.h - all bytes of a file: a plain one, one that is compressed by gzip, or standard input. */
#ifndef TEXT_BYTES_H
#define TEXT_BYTES_H

#include <stddef.h>

/* Reads `path` to its end, "-" being standard input, and unpacks it if it is compressed.  *out comes from
 * malloc and may be empty.  0, or an exit code after a sentence that begins with the path; *out is then
 * NULL. */
int text_bytes(const char *path, char **out, size_t *size);
/* Unpacks bytes of malloc, which are freed then, if they are compressed, and leaves them as they are if not.
 * 0, or an exit code after a sentence; *bytes is then NULL. */
int text_unpack(const char *path, char **bytes, size_t *size);
/* The same as a string.  A file that holds a zero byte is refused; `what` it must be is for that sentence. */
int text_string(const char *path, const char *what, char **out);

#endif
