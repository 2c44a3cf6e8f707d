/* json_read.h - finds values in JSON that is already in memory, without building a tree.
 *
 * A value is a pointer to its first character inside the text, NULL where there is none: so calls can be
 * nested without a check in between.  Enough for the files and logs of this project; not a validator.
 */
#ifndef BENCH_JSON_READ_H
#define BENCH_JSON_READ_H

#include <stddef.h>

/* The value of `key` in an object. */
const char *json_member(const char *object, const char *key);
/* The i-th element of an array, or the i-th value of an object; `key` may be NULL, else it gets the value's
 * key (the empty text in an array). */
const char *json_item(const char *group, int i, char *key, size_t size);
/* The element after `value` in the same array or object, so that a loop stays linear.  `key` as above. */
const char *json_next(const char *value, char *key, size_t size);
/* NaN for null, and for anything else that is not a number. */
double json_number(const char *value);
/* The characters of a text without its quotes, cut to `size`; 0 if the value is not a text. */
int json_text(const char *value, char *out, size_t size);
/* Is it `true`? */
int json_true(const char *value);

/* A whole file, terminated by 0; NULL after a sentence on stderr.  The caller frees it. */
char *json_file(const char *path);

#endif
