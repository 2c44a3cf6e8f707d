/* defaults.h - fields of a struct for which 0 stands for a standard value. */
#ifndef SQ_DEFAULTS_H
#define SQ_DEFAULTS_H

static inline double sq_or_default(double value, double standard) { return value == 0 ? standard : value; }

#endif
