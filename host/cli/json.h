/* json.h - the pieces of JSON that the program writes. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdio.h>

/* A JSON string, quotes included; bytes that are not UTF-8 become U+FFFD. */
void json_string(FILE *to, const char *text, size_t size);

/* `before`, which is written as it is, and then a JSON string. */
void json_text(FILE *to, const char *before, const char *text);

/* `before` and then a number of `digits` digits; null for infinities and NaN, which JSON does not have. */
void json_number(FILE *to, const char *before, int digits, double value);

#endif
