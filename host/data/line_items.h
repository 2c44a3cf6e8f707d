/* line_items.h - texts whose lines are lists of items with white space between them, as piano rolls and pen
 * strokes are. */
#ifndef LINE_ITEMS_H
#define LINE_ITEMS_H

#include <stdint.h>
#include <string.h>

/* The next item of a line, *length characters long; NULL at the end of the line, or of the text. */
static inline const char *line_items_next(const char *text, size_t *length) {
  text += strspn(text, " \t\r");
  *length = strcspn(text, " \t\r\n");
  return *length > 0 ? text : NULL;
}

/* The line after this one; NULL if there is none. */
static inline const char *line_items_below(const char *text) {
  text = strchr(text, '\n');
  return text ? text + 1 : NULL;
}

/* Counts items, and lines that have any. */
static inline void line_items_count(const char *text, int64_t *lines, int64_t *items) {
  for (*lines = *items = 0; text; text = line_items_below(text)) {
    const int64_t before = *items;
    size_t length;
    for (const char *item = text; (item = line_items_next(item, &length)) != NULL; item += length) ++*items;
    *lines += *items > before;
  }
}

#endif
