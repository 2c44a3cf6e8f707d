/* roll_picture.h - a piano roll as a picture: steps from left to right, keys from low to high. */
#ifndef ROLL_PICTURE_H
#define ROLL_PICTURE_H

#include <stdint.h>
#include <stdio.h>

/* Writes an SVG of on [steps,88]; the first `given` steps in another colour, since nobody made them up. */
void roll_picture(FILE *to, const unsigned char *on, int64_t steps, int64_t given);

#endif
