/* test_dlpack.c - tensors lent and taken by DLPack (seqgpu/dlpack.h): layout, refusals, and that a deleter is
 * called once, whoever calls it and when.
 */
#include "seqgpu/seqgpu.h"

#include "tests/check.h"
#include "tests/failing.h"
#include "tests/refused.h"

static int released;
static void count_release(void *user) {
  released++;
  ++*(int *)user;
}

/* ---------------------------------------------------------------- lending */

static void test_export(seqgpu_context *ctx) {
  float data[6] = {0, 1, 2, 3, 4, 5};
  const int64_t shape[] = {2, 3};
  int mine = 0;
  seqgpu_dl_source source = {
      .data = data, .rank = 2, .shape = shape, .release = count_release, .user = &mine};
  seqgpu_dl_managed *lent = NULL;
  released = 0;
  if (!CHECK(seqgpu_dlpack_export(ctx, &source, &lent) == SEQGPU_OK, "a tensor is lent")) return;
  const seqgpu_dl_tensor *t = &lent->tensor;
  CHECK(lent->major == 1 && lent->minor == 1 && lent->flags == 0 && t->data == data && t->rank == 2 &&
            t->device.type == SEQGPU_DL_CPU && t->dtype.code == 2 && t->dtype.bits == 32 &&
            t->dtype.lanes == 1 && t->byte_offset == 0,
        "its fields");
  CHECK(t->shape != shape && t->shape[0] == 2 && t->shape[1] == 3 && t->strides[0] == 3 && t->strides[1] == 1,
        "shape and strides of its own");
  lent->deleter(lent);
  CHECK(released == 1 && mine == 1, "the deleter releases it once");
  source.rank = 9;
  REFUSED(ctx, EINVAL, "rank", seqgpu_dlpack_export(ctx, &source, &lent));
  source.rank = 2;
  source.data = NULL;
  REFUSED(ctx, EINVAL, "data", seqgpu_dlpack_export(ctx, &source, &lent));
  source.data = data;
  source.shape = NULL;
  REFUSED(ctx, EINVAL, "shape", seqgpu_dlpack_export(ctx, &source, &lent));
  source.shape = shape;
  source.device_index = 1;
  REFUSED(ctx, EINVAL, "device_index", seqgpu_dlpack_export(ctx, &source, &lent));
  source.device_index = 0;
  const int64_t huge[] = {INT64_MAX, 3};
  source.shape = huge;
  REFUSED(ctx, EINVAL, "shape[0] is", seqgpu_dlpack_export(ctx, &source, &lent));
  source.shape = shape;
  REFUSED(ctx, EINVAL, "its size is 0", seqgpu_dlpack_export_(ctx, &source, 0, &lent));
  REFUSED(ctx, EINVAL, "out is NULL", seqgpu_dlpack_export(ctx, &source, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_dlpack_export(NULL, &source, &lent));
  REFUSED(ctx, EINVAL, "source", seqgpu_dlpack_export(ctx, NULL, &lent));
  CHECK(released == 1 && lent == NULL, "what is refused is not released");
  source.device_index = 0;
  source.shape = (const int64_t[]){0, INT64_C(1) << 46, INT64_C(1) << 46};
  source.rank = 3;
  ACCEPTED(ctx, seqgpu_dlpack_export(ctx, &source, &lent));
  CHECK(lent && lent->tensor.strides[2] == 1 && lent->tensor.strides[1] == INT64_C(1) << 46,
        "no elements of large sizes are lent");
  seqgpu_dlpack_close(&lent);
}

/* The consumer is done when the context is gone. */
static void test_late(void) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  seqgpu_context *ctx = NULL;
  double scalar = 4;
  int mine = 0;
  const seqgpu_dl_source source = {.data = &scalar, .read_only = 1, .release = count_release, .user = &mine};
  seqgpu_dl_managed *lent = NULL;
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK &&
                 seqgpu_dlpack_export(ctx, &source, &lent) == SEQGPU_OK,
             "a scalar is lent"))
    return;
  CHECK(lent->flags == SEQGPU_DL_READ_ONLY && lent->tensor.rank == 0 && lent->tensor.dtype.bits == 64,
        "to be read only");
  seqgpu_context_destroy(ctx);
  lent->deleter(lent);
  CHECK(mine == 1, "given back after the context is gone");
}

/* ---------------------------------------------------------------- taking */

static int deleted;
static void count_delete(seqgpu_dl_managed *self) {
  deleted++;
  self->tensor.data = NULL;
}

static void test_import(seqgpu_context *ctx) {
  float data[8] = {0};
  int64_t shape[] = {3, 2}, strides[] = {2, 1}, turned[] = {1, 3};
  seqgpu_dl_managed theirs = {.major = 1, .minor = 9, .deleter = count_delete, .flags = SEQGPU_DL_READ_ONLY};
  seqgpu_dl_tensor *t = &theirs.tensor;
  seqgpu_dl_view view;
  t->data = data;
  t->device.type = SEQGPU_DL_CPU;
  t->rank = 2;
  t->dtype.code = 2;
  t->dtype.bits = 32;
  t->dtype.lanes = 1;
  t->shape = shape;
  t->byte_offset = 4;
  deleted = 0;
  ACCEPTED(ctx, seqgpu_dlpack_import(ctx, &theirs, &view));
  CHECK(view.data == data + 1 && view.rank == 2 && view.shape[0] == 3 && view.shape[1] == 2 &&
            view.elements == 6 && view.read_only,
        "a view: offset, shape, read only");
  CHECK(deleted == 0, "it is not given back before it is closed");
  seqgpu_dlpack_close(&view.managed);
  seqgpu_dlpack_close(&view.managed);
  seqgpu_dlpack_close(NULL);
  CHECK(deleted == 1 && view.managed == NULL, "closed twice, deleted once");
  t->data = data;
  t->strides = strides;
  ACCEPTED(ctx, seqgpu_dlpack_import(ctx, &theirs, &view));
  t->strides = turned;
  REFUSED(ctx, EUNSUPPORTED, "[1,3]", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->strides = NULL;
  theirs.major = 2;
  REFUSED(ctx, EUNSUPPORTED, "version 2", seqgpu_dlpack_import(ctx, &theirs, &view));
  theirs.major = 1;
  t->device.type = SEQGPU_DL_CUDA;
  REFUSED(ctx, EUNSUPPORTED, "type 2", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->device.type = SEQGPU_DL_CPU;
  t->dtype.bits = 64;
  REFUSED(ctx, EINVAL, "64 bits", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->dtype.bits = 32;
  t->dtype.code = 0;
  REFUSED(ctx, EINVAL, "code 0", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->dtype.code = 2;
  t->byte_offset = 2;
  REFUSED(ctx, EUNSUPPORTED, "multiple", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->byte_offset = UINT64_MAX - 3;
  REFUSED(ctx, EINVAL, "byte_offset", seqgpu_dlpack_import(ctx, &theirs, &view));
  void *const begin = t->data;
  t->data = (void *)(UINTPTR_MAX - 7); /* the end of memory */
  t->byte_offset = 8;
  REFUSED(ctx, EINVAL, "byte_offset is 8; there is no memory", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->data = begin;
  t->byte_offset = 0;
  shape[0] = -3;
  REFUSED(ctx, EINVAL, "shape[0] is -3", seqgpu_dlpack_import(ctx, &theirs, &view));
  shape[0] = INT64_MAX;
  REFUSED(ctx, EINVAL, "2^46", seqgpu_dlpack_import(ctx, &theirs, &view));
  shape[0] = 3;
  t->rank = 9;
  REFUSED(ctx, EINVAL, "9 dimensions", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->rank = 2;
  t->data = NULL;
  REFUSED(ctx, EINVAL, "data", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->rank = -1;
  REFUSED(ctx, EINVAL, "-1 dimensions", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->rank = 2;
  t->shape = NULL;
  REFUSED(ctx, EINVAL, "shape is NULL", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->shape = shape;
  t->data = data;
  t->dtype.lanes = 2;
  REFUSED(ctx, EINVAL, "2 lanes", seqgpu_dlpack_import(ctx, &theirs, &view));
  t->dtype.lanes = 1;
  REFUSED(ctx, EINVAL, "out is NULL", seqgpu_dlpack_import(ctx, &theirs, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_dlpack_import(NULL, &theirs, &view));
  REFUSED(ctx, EINVAL, "managed", seqgpu_dlpack_import(ctx, NULL, &view));
  CHECK(deleted == 1, "what is refused stays its owner's");
}

/* What is dense although its strides do not look so, what has no numbers, and whose memory is reached. */
static void test_unusual(seqgpu_context *ctx) {
  float data[6] = {0};
  int64_t one[] = {1, 1}, row[] = {1, 4}, none[] = {0, 4}, strides[] = {7, 1};
  seqgpu_dl_managed theirs = {.major = 1};
  seqgpu_dl_tensor *t = &theirs.tensor;
  seqgpu_dl_view view;
  *t = (seqgpu_dl_tensor){.data = data, .device.type = SEQGPU_DL_CPU, .rank = 2, .dtype = {2, 32, 1}};
  t->strides = strides;
  int64_t *const shapes[] = {one, row, none};
  const int64_t elements[] = {1, 4, 0};
  for (size_t i = 0; i < COUNT(shapes); i++) {
    t->shape = shapes[i];
    t->data = elements[i] ? data : NULL;
    CHECK(seqgpu_dlpack_import(ctx, &theirs, &view) == SEQGPU_OK && view.elements == elements[i] &&
              view.data == t->data,
          "a tensor of %d numbers with a stride of 7", (int)elements[i]);
    seqgpu_dlpack_close(&view.managed); /* it has no deleter */
  }
  t->data = data;
  const int32_t reached[] = {SEQGPU_DL_CUDA_HOST, SEQGPU_DL_CUDA_MANAGED};
  for (size_t i = 0; i < COUNT(reached); i++) {
    t->device.type = reached[i];
    CHECK(seqgpu_dlpack_import(ctx, &theirs, &view) == SEQGPU_OK, "memory of type %d is reached",
          (int)reached[i]);
  }
  const seqgpu_dl_source source = {.rank = 1, .shape = none};
  seqgpu_dl_managed *lent = NULL;
  CHECK(seqgpu_dlpack_export(ctx, &source, &lent) == SEQGPU_OK && lent->tensor.data == NULL,
        "a tensor of no numbers is lent, too");
  seqgpu_dlpack_close(&lent);
}

/* A context whose device is called "cuda" takes and gives what is there; its memory is not looked at. */
static void test_cuda(seqgpu_context *ctx) {
  const sq_device device = {.name = "cuda"};
  const sq_backend backend = {&device, {ctx->backend->ops[0], NULL}}, *const before = ctx->backend;
  float data = 0;
  const seqgpu_dl_source source = {.data = &data, .device_index = 3};
  seqgpu_dl_managed *lent = NULL;
  seqgpu_dl_view view;
  ctx->backend = &backend;
  CHECK(seqgpu_dlpack_export(ctx, &source, &lent) == SEQGPU_OK &&
            lent->tensor.device.type == SEQGPU_DL_CUDA && lent->tensor.device.index == 3 &&
            seqgpu_dlpack_import(ctx, lent, &view) == SEQGPU_OK && view.data == &data,
        "memory of a GPU is lent and taken");
  lent->tensor.device.type = SEQGPU_DL_CPU;
  REFUSED(ctx, EUNSUPPORTED, "type 1; the context is on cuda", seqgpu_dlpack_import(ctx, lent, &view));
  seqgpu_dlpack_close(&lent);
  ctx->backend = before;
}

/* A parameter of ours, through both ends. */
static void test_round(seqgpu_context *ctx) {
  seqgpu_params *params = NULL;
  seqgpu_param w;
  int mine = 0;
  seqgpu_dl_managed *lent = NULL;
  seqgpu_dl_view view;
  if (!CHECK(seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
                 seqgpu_params_add(params, "w", 2, 5, "normal", 1, &w) == SEQGPU_OK,
             "a parameter"))
    return;
  const int64_t shape[] = {w.rows, w.cols};
  const seqgpu_dl_source source = {
      .data = w.value, .rank = 2, .shape = shape, .release = count_release, .user = &mine};
  CHECK(seqgpu_dlpack_export(ctx, &source, &lent) == SEQGPU_OK &&
            seqgpu_dlpack_import(ctx, lent, &view) == SEQGPU_OK && view.data == w.value &&
            view.elements == 10,
        "lent and taken, the same memory");
  seqgpu_dlpack_close(&view.managed);
  CHECK(mine == 1, "and given back once");
  seqgpu_params_destroy(params);
}

static seqgpu_status lend(seqgpu_context *c) {
  float data = 0;
  seqgpu_dl_managed *lent = NULL;
  const seqgpu_dl_source source = {.data = &data};
  const seqgpu_status status = seqgpu_dlpack_export(c, &source, &lent);
  seqgpu_dlpack_close(&lent);
  return status;
}

int main(void) {
  check_start();
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx;
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) return check_finish();
  test_export(ctx);
  test_late();
  test_import(ctx);
  test_unusual(ctx);
  test_cuda(ctx);
  test_round(ctx);
  failing_each("cpu", lend, 0);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
