/* errors.c - statuses and their sentences (errors.h, seqgpu/base.h). */
#include "host/context/errors.h"

#include <stdarg.h>
#include <stdio.h>

#include "host/context/context.h"

const char *seqgpu_status_name(seqgpu_status status) {
  switch (status) {
#define NAME(name, number, text)                                                                             \
  case SEQGPU_##name:                                                                                        \
    return #name;
    SEQGPU_STATUS_LIST(NAME)
#undef NAME
  }
  return "unknown status";
}

const char *seqgpu_status_text(seqgpu_status status) {
  switch (status) {
#define TEXT(name, number, text)                                                                             \
  case SEQGPU_##name:                                                                                        \
    return text;
    SEQGPU_STATUS_LIST(TEXT)
#undef TEXT
  }
  return "unknown status";
}

#define STRING(x)        #x
#define VERSION(a, b, c) STRING(a) "." STRING(b) "." STRING(c)
const char *seqgpu_version(void) {
  return VERSION(SEQGPU_VERSION_MAJOR, SEQGPU_VERSION_MINOR, SEQGPU_VERSION_PATCH);
}

seqgpu_status(sq_fail)(seqgpu_context *ctx, seqgpu_status status, const char *format, ...) {
  if (ctx == NULL) return status;
  va_list args;
  va_start(args, format);
  vsnprintf(ctx->error, sizeof ctx->error, format, args);
  va_end(args);
  return status;
}

seqgpu_status sq_check_range(seqgpu_context *ctx, const char *name, int64_t value, int64_t least,
                             int64_t most) {
  if (value >= least && value <= most) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "%s is %lld; it must be from %lld to %lld", name, (long long)value,
                 (long long)least, (long long)most);
}

seqgpu_status sq_check(seqgpu_context *ctx, int backend_error, const char *what) {
  if (backend_error == 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EDEVICE, "%s: %s reports: %s", what, ctx->backend->device->name,
                 ctx->backend->device->error_text(backend_error));
}
