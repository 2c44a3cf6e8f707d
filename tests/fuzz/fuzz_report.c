/* fuzz_report.c - logs of training runs, and the page that `seqgpu report` makes of them. */
#define _POSIX_C_SOURCE 200809L
#include "host/cli/report.h"
#include "tests/fuzz/fuzz.h"

/* The page can be read in full: numbers of its charts are numbers. */
static void check_page(const char *page, size_t size) {
  fuzz_require(strlen(page) == size && strstr(page, "</html>") != NULL);
  for (const char *path = page; (path = strstr(path, " d=\"")) != NULL; path++) {
    const char *end = strchr(path + 4, '"');
    for (const char *c = path + 4; c < end; c++) fuzz_require(*c != 'n' && *c != 'i'); /* nan, inf */
  }
}

FUZZ_TARGET(report) {
  char *text = fuzz_string(data, size), *page = NULL;
  size_t length = 0;
  training_log log;
  if (log_parse("fuzz", text, &log) == 0) {
    FILE *to = open_memstream(&page, &length);
    fuzz_require(to != NULL && log.rows > 0);
    report_page(to, "fuzz", &log);
    fuzz_require(fclose(to) == 0);
    check_page(page, length);
    free(page);
    log_free(&log);
  }
  free(text);
  return 0;
}
