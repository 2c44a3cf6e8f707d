/* context.c - contexts and their memory (seqgpu/base.h). */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>

#include "host/context/context.h"

#include "core/processors.h"
#include "host/context/cgroup.h"
#include "host/context/structs.h"

enum { MAX_THREADS = 1024, HOST_ALIGNMENT = 64 };

size_t seqgpu_dtype_size(seqgpu_dtype dtype) {
  return dtype == SEQGPU_DTYPE_F64 ? sizeof(double) : sizeof(float);
}

static void *default_allocate(size_t bytes, void *user) {
  (void)user;
  const size_t rounded = (bytes + HOST_ALIGNMENT - 1) / HOST_ALIGNMENT * HOST_ALIGNMENT;
  return rounded < bytes ? NULL : aligned_alloc(HOST_ALIGNMENT, rounded ? rounded : HOST_ALIGNMENT);
}

static void default_release(void *pointer, void *user) {
  (void)user;
  free(pointer);
}

void *sq_host_alloc(seqgpu_context *ctx, size_t bytes) {
  void *memory = ctx->allocator.allocate(bytes, ctx->allocator.user);
  if (memory) memset(memory, 0, bytes);
  return memory;
}

void sq_host_free(seqgpu_context *ctx, void *pointer) {
  if (pointer) ctx->allocator.release(pointer, ctx->allocator.user);
}

int sq_host_enlarge(seqgpu_context *ctx, void **array, size_t used, size_t size) {
  void *larger = sq_host_alloc(ctx, size);
  if (larger == NULL) return 0;
  if (used > 0) memcpy(larger, *array, used);
  sq_host_free(ctx, *array);
  *array = larger;
  return 1;
}

static int device_count(const sq_backend *backend) {
  int devices = 0;
  return backend->device->count(&devices) == 0 ? devices : 0;
}

/* "auto" is the first backend of the table that has a device; the emulator must be asked for by name. */
static const sq_backend *find_backend(const char *name) {
  const int any = name == NULL || strcmp(name, "auto") == 0;
  for (int i = 0; sq_backends[i]; i++) {
    const char *candidate = sq_backends[i]->device->name;
    if (any && strcmp(candidate, "emulator") != 0 && device_count(sq_backends[i]) > 0) return sq_backends[i];
    if (!any && strcmp(candidate, name) == 0) return sq_backends[i];
  }
  return NULL;
}

static int default_threads(void) {
  const int n = sq_cgroup_processors("", sq_processors());
  return n > MAX_THREADS ? MAX_THREADS : n;
}

static seqgpu_status open_device(seqgpu_context *ctx, const seqgpu_context_options *options) {
  const char *name = options->device ? options->device : "auto";
  const sq_backend *backend = find_backend(options->device);
  if (backend == NULL)
    return sq_fail(ctx, strcmp(name, "cuda") == 0 ? SEQGPU_ENODEVICE : SEQGPU_EINVAL,
                   "context: device is \"%s\"; this build has no such device", name);
  const int devices = device_count(backend);
  if (devices == 0)
    return sq_fail(ctx, SEQGPU_ENODEVICE, "context: device is \"%s\"; this machine has no usable one", name);
  if (options->device_index < 0 || options->device_index >= devices)
    return sq_fail(ctx, SEQGPU_EINVAL, "context: device_index is %d; it must be from 0 to %d",
                   options->device_index, devices - 1);
  if (backend->ops[ctx->dtype] == NULL)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "context: dtype is F64; device \"%s\" computes in F32 only",
                   backend->device->name);
  ctx->exec.stream = options->stream;
  /* a GPU's context does some algebra on the host, in the caller's thread */
  const int threads = backend != &sq_backend_cpu ? 1
                      : options->threads         ? options->threads
                                                 : default_threads();
  ctx->exec.pool = sq_pool_create(threads);
  if (ctx->exec.pool == NULL)
    return sq_fail(ctx, SEQGPU_ENOMEM, "context: threads is %d; out of memory for that many", threads);
  ctx->backend = backend;
  ctx->device_index = options->device_index;
  if (threads > 1 || backend != &sq_backend_cpu) sq_home_note(&ctx->home);
  const int error = backend->device->open(&ctx->exec, options->device_index);
  if (error) return sq_check(ctx, error, "device");
  ctx->ops = backend->ops[ctx->dtype];
  return SEQGPU_OK;
}

/* The context itself, with its allocator; NULL when there is no memory for it. */
static seqgpu_context *new_context(const seqgpu_allocator *given) {
  const seqgpu_allocator standard = {default_allocate, default_release, NULL};
  const seqgpu_allocator *allocator = given ? given : &standard;
  seqgpu_context *ctx = allocator->allocate(sizeof *ctx, allocator->user);
  if (ctx == NULL) return NULL;
  memset(ctx, 0, sizeof *ctx);
  ctx->allocator = *allocator;
  return ctx;
}

static seqgpu_status check_options(seqgpu_context *ctx, const seqgpu_context_options *o) {
  SQ_TRY(sq_check_range(ctx, "context: threads", o->threads, 0, MAX_THREADS));
  if (o->dtype == SEQGPU_DTYPE_F32 || o->dtype == SEQGPU_DTYPE_F64) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "context: dtype is %d; it must be SEQGPU_DTYPE_F32 or SEQGPU_DTYPE_F64",
                 (int)o->dtype);
}

seqgpu_status seqgpu_context_create_(const seqgpu_context_options *options, size_t options_size,
                                     seqgpu_context **out) {
  if (out == NULL) return SEQGPU_EINVAL;
  *out = NULL;
  seqgpu_context_options o = {.device = NULL};
  /* a struct of the wrong size is reported below, by the context that its beginning asks for */
  const seqgpu_status taken =
      options ? sq_struct_in(NULL, "options", &o, sizeof o, options, options_size) : SEQGPU_OK;
  if (o.allocator && (!o.allocator->allocate || !o.allocator->release)) return SEQGPU_EINVAL;
  seqgpu_context *ctx = new_context(o.allocator);
  if (ctx == NULL) return SEQGPU_ENOMEM;
  *out = ctx;
  if (taken != SEQGPU_OK) return sq_struct_in(ctx, "options", &o, sizeof o, options, options_size);
  SQ_TRY(check_options(ctx, &o));
  ctx->dtype = o.dtype;
  ctx->element_size = seqgpu_dtype_size(o.dtype);
  return open_device(ctx, &o);
}

void seqgpu_context_destroy(seqgpu_context *ctx) {
  if (ctx == NULL) return;
  const int left = sq_home_left(&ctx->home);
  if (ctx->ops && !left) ctx->backend->device->close(&ctx->exec);
  if (left)
    sq_pool_abandon(ctx->exec.pool);
  else
    sq_pool_destroy(ctx->exec.pool);
  sq_home_forget(&ctx->home);
  const seqgpu_allocator allocator = ctx->allocator;
  allocator.release(ctx, allocator.user);
}

const char *seqgpu_last_error(const seqgpu_context *ctx) { return ctx ? ctx->error : ""; }
seqgpu_dtype seqgpu_context_dtype(const seqgpu_context *ctx) { return ctx ? ctx->dtype : SEQGPU_DTYPE_F32; }
const char *seqgpu_context_device(const seqgpu_context *ctx) {
  return ctx && ctx->backend ? ctx->backend->device->name : "none";
}

void seqgpu_context_describe(const seqgpu_context *ctx, char *text, size_t size) {
  if (text == NULL || size == 0) return;
  text[0] = 0;
  if (ctx == NULL || ctx->ops == NULL) return;
  sq_exec exec = ctx->exec;
  ctx->backend->device->describe(&exec, text, size);
}

seqgpu_status sq_usable(seqgpu_context *ctx) {
  if (ctx == NULL) return SEQGPU_EINVAL;
  if (ctx->ops == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "ctx: its creation failed; it has no device");
  if (sq_home_left(&ctx->home))
    return sq_fail(
        ctx, SEQGPU_EINVAL,
        "ctx: it was made before fork(), and its %s did not come into this child process; make a new "
        "context here",
        ctx->backend == &sq_backend_cpu ? "threads" : "device");
  return SEQGPU_OK;
}

void sq_range_begin(seqgpu_context *ctx, const char *name) {
  if (ctx->backend->device->range != NULL) ctx->backend->device->range(name);
}

seqgpu_status sq_range_end(seqgpu_context *ctx, seqgpu_status status) {
  if (ctx->backend->device->range != NULL) ctx->backend->device->range(NULL);
  return status;
}

seqgpu_status seqgpu_context_set_stream(seqgpu_context *ctx, void *stream) {
  SQ_TRY(sq_usable(ctx));
  if (ctx->backend == &sq_backend_cpu && stream != NULL)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "set_stream: stream is %p; device \"cpu\" has none, and it must be NULL", stream);
  ctx->exec.stream = stream;
  return SEQGPU_OK;
}

seqgpu_status seqgpu_context_stray_targets(seqgpu_context *ctx, int64_t *count) {
  SQ_TRY(sq_usable(ctx));
  if (count == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "stray_targets: count is NULL");
  *count = 0;
  const sq_device *device = ctx->backend->device;
  return device->strays ? sq_check(ctx, device->strays(&ctx->exec, count), "stray_targets") : SEQGPU_OK;
}

seqgpu_status seqgpu_malloc(seqgpu_context *ctx, size_t size, void **out) {
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "malloc: out is NULL");
  *out = NULL;
  if (ctx->backend == &sq_backend_cpu) {
    *out = ctx->allocator.allocate(size ? size : 1, ctx->allocator.user);
  } else if (ctx->backend->device->allocate(&ctx->exec, size ? size : 1, out) != 0) {
    *out = NULL;
  }
  if (*out == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "malloc: out of memory for %zu bytes", size);
  return SEQGPU_OK;
}

void seqgpu_free(seqgpu_context *ctx, void *pointer) {
  if (ctx == NULL || pointer == NULL || ctx->ops == NULL) return;
  if (ctx->backend == &sq_backend_cpu)
    sq_host_free(ctx, pointer);
  else if (!sq_home_left(&ctx->home))
    ctx->backend->device->release(&ctx->exec, pointer);
}

static seqgpu_status two_pointers(seqgpu_context *ctx, const void *to, const void *from, size_t size) {
  SQ_TRY(sq_usable(ctx));
  if (size > 0 && (to == NULL || from == NULL))
    return sq_fail(ctx, SEQGPU_EINVAL, "copy: %s is NULL; there are %zu bytes to copy",
                   to ? "source" : "destination", size);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_copy_in(seqgpu_context *ctx, void *device, const void *host, size_t size) {
  SQ_TRY(two_pointers(ctx, device, host, size));
  return sq_check(ctx, size ? ctx->backend->device->copy_in(&ctx->exec, device, host, size) : 0, "copy_in");
}

seqgpu_status seqgpu_copy_out(seqgpu_context *ctx, void *host, const void *device, size_t size) {
  SQ_TRY(two_pointers(ctx, host, device, size));
  return sq_check(ctx, size ? ctx->backend->device->copy_out(&ctx->exec, host, device, size) : 0, "copy_out");
}

seqgpu_status seqgpu_copy(seqgpu_context *ctx, void *to, const void *from, size_t size) {
  SQ_TRY(two_pointers(ctx, to, from, size));
  return sq_check(ctx, size ? ctx->backend->device->copy(&ctx->exec, to, from, size) : 0, "copy");
}

seqgpu_status seqgpu_zero(seqgpu_context *ctx, void *pointer, size_t size) {
  SQ_TRY(sq_usable(ctx));
  if (pointer == NULL && size > 0) return sq_fail(ctx, SEQGPU_EINVAL, "zero: pointer is NULL");
  return sq_check(ctx, size ? ctx->backend->device->zero(&ctx->exec, pointer, size) : 0, "zero");
}

seqgpu_status seqgpu_synchronize(seqgpu_context *ctx) {
  SQ_TRY(sq_usable(ctx));
  return sq_check(ctx, ctx->backend->device->synchronize(&ctx->exec), "synchronize");
}
