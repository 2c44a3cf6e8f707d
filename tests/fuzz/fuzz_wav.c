/* fuzz_wav.c - recordings of sound, whose lengths a WAV file says itself. */
#include <math.h>

#include "host/data/wav.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(wav) {
  wav w;
  if (wav_parse("fuzz", (const char *)data, (int64_t)size, &w) == 0) {
    fuzz_require(w.samples > 0 && w.rate > 0 && w.bytes == (int64_t)size);
    for (int64_t i = 0; i < w.samples; i++) fuzz_require(isfinite(w.sample[i]));
  }
  fuzz_require(w.samples == 0 || w.sample != NULL);
  wav_free(&w);
  return 0;
}
