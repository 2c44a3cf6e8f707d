/* decimal.h - fractions as text with a point in them, whatever the process's locale writes (decimal.c). */
#ifndef SQ_DECIMAL_H
#define SQ_DECIMAL_H

enum { SQ_DECIMAL = 40 };

/* A finite number with as many digits as restore it: at most 17, or 9 where those are enough. */
void sq_decimal_write(double number, char out[SQ_DECIMAL]);

/* 1 if all of the text is a finite number. */
int sq_decimal_read(const char *text, double *out);

#endif
