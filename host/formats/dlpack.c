/* dlpack.c - tensors without a copy between this library and others (seqgpu/dlpack.h). */
#include "seqgpu/dlpack.h"

#include <stddef.h>
#include <string.h>

#include "host/context/context.h"
#include "host/context/shape.h"
#include "host/context/sizes.h"
#include "host/context/structs.h"

enum { RANK = 8, FLOAT = 2 };

/* The layout of DLPack's own structs on 64-bit machines. */
_Static_assert(sizeof(seqgpu_dl_tensor) == 48 && offsetof(seqgpu_dl_tensor, shape) == 24, "DLTensor");
_Static_assert(offsetof(seqgpu_dl_managed, tensor) == 32 && sizeof(seqgpu_dl_managed) == 80,
               "DLManagedTensorVersioned");

/* A managed tensor with what its deleter needs, which may be called when the context is gone. */
typedef struct loan {
  seqgpu_dl_managed managed;
  seqgpu_allocator allocator;
  void (*release)(void *);
  void *user;
  int64_t shape[RANK], strides[RANK];
} loan;

static int is_cuda(const seqgpu_context *ctx) { return strcmp(seqgpu_context_device(ctx), "cuda") == 0; }

/* ---------------------------------------------------------------- lending */

static void give_back(seqgpu_dl_managed *managed) {
  loan *l = managed->manager;
  const seqgpu_allocator allocator = l->allocator;
  if (l->release) l->release(l->user);
  allocator.release(l, allocator.user);
}

static seqgpu_status check_source(seqgpu_context *ctx, const seqgpu_dl_source *s) {
  int64_t elements = 1;
  SQ_TRY(sq_check_range(ctx, "dlpack: rank", s->rank, 0, RANK));
  if (s->rank > 0 && s->shape == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "dlpack: shape is NULL");
  for (int d = 0; d < s->rank; d++)
    if (!sq_mul_size(elements, s->shape[d], &elements))
      return sq_fail(ctx, SEQGPU_EINVAL,
                     "dlpack: shape[%d] is %lld; it must be at least 0, and the tensor at most 2^46", d,
                     (long long)s->shape[d]);
  if (s->data == NULL && elements > 0) return sq_fail(ctx, SEQGPU_EINVAL, "dlpack: data is NULL");
  return sq_check_range(ctx, "dlpack: device_index", s->device_index, 0, is_cuda(ctx) ? INT32_MAX : 0);
}

seqgpu_status seqgpu_dlpack_export_(seqgpu_context *ctx, const seqgpu_dl_source *source, size_t source_size,
                                    seqgpu_dl_managed **out) {
  seqgpu_dl_source s;
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (source == NULL || out == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "dlpack: %s is NULL", source ? "out" : "source");
  SQ_TRY(sq_struct_in(ctx, "source", &s, sizeof s, source, source_size));
  SQ_TRY(check_source(ctx, &s));
  loan *l = sq_host_alloc(ctx, sizeof *l);
  if (l == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "dlpack: out of memory");
  l->allocator = ctx->allocator;
  l->release = s.release;
  l->user = s.user;
  for (int d = 0; d < s.rank; d++) l->shape[d] = s.shape[d];
  sq_row_major(s.rank, l->shape, l->strides);
  l->managed = (seqgpu_dl_managed){
      .major = SEQGPU_DL_MAJOR,
      .minor = SEQGPU_DL_MINOR,
      .manager = l,
      .deleter = give_back,
      .flags = s.read_only ? SEQGPU_DL_READ_ONLY : 0,
      .tensor = {.data = s.data,
                 .device = {is_cuda(ctx) ? SEQGPU_DL_CUDA : SEQGPU_DL_CPU, s.device_index},
                 .rank = s.rank,
                 .dtype = {FLOAT, (uint8_t)(8 * ctx->element_size), 1},
                 .shape = l->shape,
                 .strides = l->strides},
  };
  *out = &l->managed;
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- taking */

/* What a context can use: its own device's memory, and what that can reach. */
static int reaches(const seqgpu_context *ctx, int32_t device) {
  if (device == SEQGPU_DL_CUDA_HOST || device == SEQGPU_DL_CUDA_MANAGED) return 1;
  return device == (is_cuda(ctx) ? SEQGPU_DL_CUDA : SEQGPU_DL_CPU);
}

static seqgpu_status check_shape(seqgpu_context *ctx, const seqgpu_dl_tensor *t, int64_t *elements) {
  if (t->rank < 0 || t->rank > RANK)
    return sq_fail(ctx, SEQGPU_EINVAL, "dlpack: the tensor has %d dimensions; it may have 8", (int)t->rank);
  if (t->rank > 0 && t->shape == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "dlpack: the tensor's shape is NULL");
  *elements = 1;
  for (int d = 0; d < t->rank; d++)
    if (!sq_mul_size(*elements, t->shape[d], elements))
      return sq_fail(
          ctx, SEQGPU_EINVAL,
          "dlpack: the tensor's shape[%d] is %lld; it must be at least 0, and the tensor at most 2^46", d,
          (long long)t->shape[d]);
  if (t->data == NULL && *elements > 0)
    return sq_fail(ctx, SEQGPU_EINVAL, "dlpack: the tensor's data is NULL");
  return SEQGPU_OK;
}

/* The stride of a dimension of one element says nothing. */
static int is_dense(const seqgpu_dl_tensor *t, int64_t elements) {
  int64_t stride[RANK] = {0};
  if (t->strides == NULL || elements <= 1) return 1;
  sq_row_major(t->rank, t->shape, stride);
  for (int d = 0; d < t->rank; d++)
    if (t->shape[d] != 1 && t->strides[d] != stride[d]) return 0;
  return 1;
}

static seqgpu_status check_tensor(seqgpu_context *ctx, const seqgpu_dl_tensor *t, int64_t *elements) {
  char strides[SQ_SHAPE_TEXT];
  SQ_TRY(check_shape(ctx, t, elements));
  if (!reaches(ctx, t->device.type))
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "dlpack: the tensor is on a device of type %d; the context is on %s", (int)t->device.type,
                   seqgpu_context_device(ctx));
  if (t->dtype.code != FLOAT || t->dtype.bits != 8 * ctx->element_size || t->dtype.lanes != 1)
    return sq_fail(
        ctx, SEQGPU_EINVAL,
        "dlpack: the tensor's elements have code %d, %d bits and %d lanes; they must be floats of %d bits",
        t->dtype.code, t->dtype.bits, t->dtype.lanes, (int)(8 * ctx->element_size));
  if (!is_dense(t, *elements))
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "dlpack: the tensor's strides are %s; it must be dense and row-major",
                   sq_shape_text(t->rank, t->strides, strides));
  if (t->byte_offset > PTRDIFF_MAX || (uintptr_t)t->data > UINTPTR_MAX - t->byte_offset)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "dlpack: the tensor's byte_offset is %llu; there is no memory so far from its data",
                   (unsigned long long)t->byte_offset);
  if (((uintptr_t)t->data + t->byte_offset) % ctx->element_size != 0)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "dlpack: the tensor does not begin at a multiple of its element's size");
  return SEQGPU_OK;
}

seqgpu_status seqgpu_dlpack_import_(seqgpu_context *ctx, seqgpu_dl_managed *managed, seqgpu_dl_view *out,
                                    size_t out_size) {
  SQ_TRY(sq_usable(ctx));
  if (managed == NULL || out == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "dlpack: %s is NULL", managed ? "out" : "managed");
  if (managed->major != SEQGPU_DL_MAJOR)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "dlpack: the tensor is of version %u; it must be of version %d",
                   managed->major, SEQGPU_DL_MAJOR);
  const seqgpu_dl_tensor *t = &managed->tensor;
  int64_t elements = 0;
  SQ_TRY(check_tensor(ctx, t, &elements));
  seqgpu_dl_view view = {.data = t->data ? (char *)t->data + t->byte_offset : NULL,
                         .rank = t->rank,
                         .elements = elements,
                         .read_only = (managed->flags & SEQGPU_DL_READ_ONLY) != 0,
                         .managed = managed};
  for (int d = 0; d < t->rank; d++) view.shape[d] = t->shape[d];
  sq_struct_out(out, out_size, &view, sizeof view);
  return SEQGPU_OK;
}

void seqgpu_dlpack_close(seqgpu_dl_managed **managed) {
  if (managed == NULL || *managed == NULL) return;
  seqgpu_dl_managed *const last = *managed;
  *managed = NULL;
  if (last->deleter) last->deleter(last);
}
