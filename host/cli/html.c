/* html.c - writing and saving pages (html.h). */
#include "host/cli/html.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/whole_file.h"
#include "host/context/json.h"
#include "host/context/utf8.h"

/* ---------------------------------------------------------------- text */

static const char doctype[] = "<!doctype html>";

static const char style[] =
    ":root{color-scheme:light "
    "dark;--fg:#1b1f24;--bg:#fff;--dim:#667;--line:#d5d9e0;--a:#1f6feb;--b:#c2410c;--soft:#f4f6f9}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e3e6ea;--bg:#14171b;--dim:#9aa3ad;--line:#363c44;--a:#"
    "6cb0ff;--b:#ff9a5c;"
    "--soft:#1d2127}}"
    "body{font:15px/1.5 "
    "system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:72rem;margin:1.5rem auto;"
    "padding:0 1rem}h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}p{margin:.3rem 0}"
    "table{border-collapse:collapse}td,th{padding:.1rem .7rem .1rem "
    "0;text-align:left;font-variant-numeric:tabular-nums}"
    "a{color:var(--a)}button,input{font:inherit}.dim{color:var(--dim)}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;font:14px/1.6 "
    "ui-monospace,monospace;background:var(--soft);"
    "border:1px solid var(--line);border-radius:.3rem;padding:.7rem;margin:.5rem 0}"
    "h3{font-size:1rem;margin:.4rem 0 "
    "0}.row{display:flex;flex-wrap:wrap;gap:1.5rem}.row>div{max-width:15rem}svg{max-width:100%}svg "
    "text{fill:var(--dim);font:11px "
    "system-ui,sans-serif}"
    "svg .axis{stroke:var(--line);fill:none}svg .a{stroke:var(--a);fill:none;stroke-width:1.5}"
    "svg .b{stroke:var(--b);fill:none;stroke-width:1.5}svg .dot{fill:var(--a);fill-opacity:.55}";

void html_begin(FILE *to, const char *title) {
  fprintf(to, "%s\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", doctype);
  fprintf(to, "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
  html_string(to, title);
  fprintf(to, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
  html_string(to, title);
  fprintf(to, "</h1>\n");
}

void html_end(FILE *to) { fprintf(to, "</body>\n</html>\n"); }

void html_text(FILE *to, const char *text, size_t size) {
  static const char plain[] = "&<>\"", *const forms[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
  for (size_t i = 0, length; i < size; i += length) {
    const char c = text[i], *special = c ? strchr(plain, c) : NULL;
    length = sq_utf8_length(text + i, size - i);
    if (special)
      fputs(forms[special - plain], to);
    else if (length == 0)
      fputs("\xEF\xBF\xBD", to);
    else if (((unsigned char)c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
      fputc(' ', to);
    else
      fwrite(text + i, 1, length, to);
    length = length ? length : 1;
  }
}

void html_string(FILE *to, const char *text) { html_text(to, text, strlen(text)); }

void html_json(FILE *to, const char *text, size_t size) {
  char form[SQ_JSON_CHARACTER];
  fputc('"', to);
  for (size_t i = 0, taken; i < size; i += taken) {
    const size_t length = sq_json_character(text + i, size - i, form, &taken);
    if (text[i] == '<')
      fputs("\\u003c", to);
    else
      fwrite(form, 1, length, to);
  }
  fputc('"', to);
}

/* RFC 4648. */
void html_base64(FILE *to, const signed char *data, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *b = (const unsigned char *)data;
  for (size_t i = 0; i < size; i += 3) {
    const size_t n = size - i < 3 ? size - i : 3;
    const uint32_t bits =
        (uint32_t)b[i] << 16 | (n > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (n > 2 ? b[i + 2] : 0);
    for (size_t k = 0; k < 4; k++) fputc(k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=', to);
  }
}

/* ---------------------------------------------------------------- pages */

int html_open(html_page *page) {
  return memory_open(page) ? CLI_OK : cli_error("out of memory for the page");
}

void html_drop(html_page *page) { memory_free(page); }

int html_save(html_page *page, const char *path) {
  int code = memory_close(page) ? CLI_OK : cli_error("out of memory for the page");
  if (code == CLI_OK && path && strcmp(path, "-") != 0)
    code = whole_file_write(path, page->data, page->size, &(whole_file_kind){doctype, "HTML page"});
  else if (code == CLI_OK)
    fwrite(page->data, 1, page->size, stdout);
  html_drop(page);
  return code;
}
