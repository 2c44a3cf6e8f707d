/* cells_page.h - `seqgpu inspect --cells`: a page that shows what each cell of a language model does over
 * a text. */
#ifndef CELLS_PAGE_H
#define CELLS_PAGE_H

#include "host/cli/command.h"

typedef struct cells_options {
  const char *text; /* file, NULL = not asked for */
  const char *html; /* file, NULL = standard output */
  int64_t length;   /* tokens that are shown, from the beginning of the text */
} cells_options;

enum { CELLS_LENGTH = 3000 }; /* the default */

/* The rows of the three, whose fields lie in a cells_options at `at`. */
#define CELLS_ROWS(at)                                                                                       \
  ROW_GROUP("A page of cells"),                                                                              \
      ROW_TEXT("cells", (at) + offsetof(cells_options, text), "FILE",                                        \
               "instead read this text and write an HTML page: characters coloured by each cell, cells "     \
               "that follow "                                                                                \
               "quotes, lines, brackets, indentation, and how often gates are saturated"),                   \
      ROW_TEXT("html", (at) + offsetof(cells_options, html), "FILE",                                         \
               "where the page goes, without it to standard output"),                                        \
      ROW_INT("cells-length", ARG_NOT_KEPT, (at) + offsetof(cells_options, length), 2, 100000, "N",          \
              "tokens of the text that are read")

/* Writes the page for the model in `checkpoint`; an exit code. */
int cells_page(seqgpu_context *ctx, const char *checkpoint, const network_options *base,
               const cells_options *o);

#endif
