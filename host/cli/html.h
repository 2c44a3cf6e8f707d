/* html.h - pages of one file each, without a network: head and style, escaped text, and how a page is
 * saved. */
#ifndef HTML_H
#define HTML_H

#include "host/cli/memory.h"

/* From <!doctype html> to the title as a heading, in a style for light and dark. */
void html_begin(FILE *to, const char *title);
void html_end(FILE *to);

/* Text between tags or in an attribute; bytes that are not UTF-8 become U+FFFD, control characters spaces. */
void html_text(FILE *to, const char *text, size_t size);
void html_string(FILE *to, const char *text);
/* A string of JSON that may stand inside <script>. */
void html_json(FILE *to, const char *text, size_t size);
void html_base64(FILE *to, const signed char *data, size_t size);

/* A page that is being written to memory, by page.to. */
typedef memory_stream html_page;

/* 0, or an exit code after a sentence. */
int html_open(html_page *page);
/* Closes the page, and writes it to a file, NULL or "-" being standard output, as a whole or not at all. 
 * A file that is there is replaced only if it is a page, too.  0, or an exit code after a sentence. */
int html_save(html_page *page, const char *path);
/* Closes it without writing. */
void html_drop(html_page *page);

#endif
