/* test_divisor.cpp - the division of the persistent kernels (kernels/persistent/divisor.h) is exact as far as it
 * says: for all n with n d < 2^32. */
#include "kernels/persistent/divisor.h"
#include "tests/check.h"

/* Around every multiple of d near n, where a quotient that is off by one would be. */
static bool exact_near(int d, int64_t n) {
  const sq_divisor by = sq_divisor_by(d);
  const int64_t most = ((int64_t)1 << 32) / d;
  for (int64_t i = n / d * d - 1; i <= n / d * d + d; i += d > 1 ? d - 1 : 1)
    if (i >= 0 && i < most && i <= INT32_MAX && by.of((int)i) != (int)(i / d)) return false;
  return true;
}

int main() {
  check_start();
  bool small = true, drawn = true, last = true;
  for (int d = 1; d <= 300; d++)
    for (int n = 0; n < 5000; n++) small = small && sq_divisor_by(d).of(n) == n / d;
  for (int i = 0; i < 200000; i++) {
    const int d = 1 + (int)check_below(1 << (1 + check_below(16)));
    drawn = drawn && exact_near(d, check_below(((int64_t)1 << 31) / d + 1));
    last = last && exact_near(d, ((int64_t)1 << 32) / d - 1);
  }
  CHECK(small, "every n below 5,000 by every d up to 300");
  CHECK(drawn, "drawn n by drawn d up to 2^16");
  CHECK(last, "the last n that the bound allows");
  CHECK(sq_divisor_by(0).of(7) == 7, "0 stands for 1");
  return check_finish();
}
