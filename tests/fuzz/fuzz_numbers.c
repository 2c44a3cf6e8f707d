/* fuzz_numbers.c - tables of numbers; the first byte says how many columns. */
#include <math.h>

#include "host/cli/numbers.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(numbers) {
  const int64_t columns = 1 + fuzz_byte(&data, &size) % 7;
  char *text = fuzz_string(data, size);
  float *numbers;
  int64_t rows;
  if (numbers_parse("fuzz", text, columns, &numbers, &rows) == 0)
    for (int64_t i = 0; i < rows * columns; i++) fuzz_require(isfinite(numbers[i]));
  free(numbers);
  free(text);
  return 0;
}
