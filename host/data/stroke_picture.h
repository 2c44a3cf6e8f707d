/* stroke_picture.h - a sheet of drawings as a picture: rows of them, each with a word before it. */
#ifndef STROKE_PICTURE_H
#define STROKE_PICTURE_H

#include <stdint.h>
#include <stdio.h>

enum { STROKE_LABEL = 32 };

typedef struct stroke_sheet {
  int64_t rows, columns, points, given; /* points of each drawing, and how many nobody made up */
  const float *point;                   /* [rows,columns,points,3] as in strokes.h */
  char (*label)[STROKE_LABEL];          /* [rows] of letters and digits */
  const int64_t *count;                 /* [rows,columns] of its points that are drawn; NULL: all are */
  double width;                         /* of a cell, whose height is 120; 0 = the same */
} stroke_sheet;

/* Writes an SVG; each drawing is as large as its cell allows, what was given in another colour. */
void stroke_picture(FILE *to, const stroke_sheet *s);

#endif
