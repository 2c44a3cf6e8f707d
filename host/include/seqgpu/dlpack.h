/** @file dlpack.h
 * Tensors without a copy between this library and others, by DLPack 1.1 (dmlc.github.io/dlpack).
 *
 * Ownership. A managed tensor is a loan: who made it (the producer) keeps the memory alive until its deleter
 * is called, and who takes it (the consumer) calls the deleter once, when he no longer uses the memory.
 *  - seqgpu_dlpack_export makes one of device memory of a context: of a parameter's value or gradient, say.
 *    The consumer's call of the deleter calls `release`, and frees the managed tensor itself; it may come
 *    from any thread, and after the context is gone.
 *  - seqgpu_dlpack_import takes one from another library.  seqgpu_dlpack_close calls its deleter.
 *
 * Streams are not part of DLPack's structs: who exports GPU memory sees to it that work on it is done or
 * ordered before the consumer's (seqgpu_synchronize is enough).
 *
 * The structs have the layout of DLManagedTensorVersioned and its members, under names of our own, so that a
 * program may include dlpack.h as well and cast the pointers.  They never grow: the ABI is DLPack's.
 */
#ifndef SEQGPU_DLPACK_H
#define SEQGPU_DLPACK_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** DLPack's numbers for the devices that this library has (DLDeviceType). */
typedef enum seqgpu_dl_device_type {
  SEQGPU_DL_CPU = 1,          /**< host memory */
  SEQGPU_DL_CUDA = 2,         /**< memory of an NVIDIA GPU */
  SEQGPU_DL_CUDA_HOST = 3,    /**< page-locked host memory */
  SEQGPU_DL_CUDA_MANAGED = 13 /**< memory that host and device share */
} seqgpu_dl_device_type;

/** The version of DLPack that is written; of the same major version any is read. */
enum {
  SEQGPU_DL_MAJOR = 1, /**< another one is another layout */
  SEQGPU_DL_MINOR = 1  /**< a later one adds to it */
};

/** Flags of a managed tensor. */
enum {
  SEQGPU_DL_READ_ONLY = 1, /**< the consumer must not write */
  SEQGPU_DL_IS_COPIED = 2  /**< the producer made a copy for this consumer */
};

/** DLTensor. */
typedef struct seqgpu_dl_tensor {
  void *data; /**< device memory */
  struct {
    int32_t type;  /**< a seqgpu_dl_device_type */
    int32_t index; /**< which of them */
  } device;        /**< where data is */
  int32_t rank;    /**< how many dimensions */
  struct {
    uint8_t code;       /**< 0 signed integer, 1 unsigned integer, 2 float, ... */
    uint8_t bits;       /**< of a lane */
    uint16_t lanes;     /**< 1 unless it is a vector */
  } dtype;              /**< of an element */
  int64_t *shape;       /**< [rank] */
  int64_t *strides;     /**< [rank], in elements; NULL = row-major and dense */
  uint64_t byte_offset; /**< of the first element from data */
} seqgpu_dl_tensor;

/** DLManagedTensorVersioned. */
typedef struct seqgpu_dl_managed {
  uint32_t major; /**< where it differs from SEQGPU_DL_MAJOR, only the deleter may be used */
  uint32_t minor; /**< of what the producer knew */
  void *manager;  /**< the producer's */
  void (*deleter)(struct seqgpu_dl_managed *self); /**< may be NULL: then there is nothing to do */
  uint64_t flags;                                  /**< SEQGPU_DL_READ_ONLY and its like */
  seqgpu_dl_tensor tensor;                         /**< what is lent */
} seqgpu_dl_managed;

/** What is lent. */
typedef struct seqgpu_dl_source {
  void *data;              /**< device memory of the context, dense and row-major, of its element type */
  int rank;                /**< 0 to 8 */
  const int64_t *shape;    /**< [rank], copied */
  int device_index;        /**< which GPU; 0 on the CPU */
  int read_only;           /**< 1: the consumer must not write */
  void (*release)(void *); /**< called once, when the consumer is done; NULL = nothing to do */
  void *user;              /**< handed to release */
} seqgpu_dl_source;

/** What seqgpu_dlpack_export calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_dlpack_export_(seqgpu_context *ctx, const seqgpu_dl_source *source,
                                               size_t source_size, seqgpu_dl_managed **out);

/** Lends memory.  The memory itself stays whoever's it is, and must be there until `release` is called.
 * out: receives the managed tensor, which is the consumer's to delete; NULL on failure, and then release is
 * not called.  Its memory is from the context's allocator.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
static inline seqgpu_status seqgpu_dlpack_export(seqgpu_context *ctx, const seqgpu_dl_source *source,
                                                 seqgpu_dl_managed **out) {
  return seqgpu_dlpack_export_(ctx, source, sizeof(seqgpu_dl_source), out);
}

/** A tensor that was taken from another library. */
typedef struct seqgpu_dl_view {
  void *data;                 /**< its first element, in memory of the context's device */
  int rank;                   /**< 0 to 8 */
  int64_t shape[8];           /**< 0 beyond the rank */
  int64_t elements;           /**< their product */
  int read_only;              /**< 1: the producer forbids writing */
  seqgpu_dl_managed *managed; /**< for seqgpu_dlpack_close */
} seqgpu_dl_view;

/** What seqgpu_dlpack_import calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_dlpack_import_(seqgpu_context *ctx, seqgpu_dl_managed *managed,
                                               seqgpu_dl_view *out, size_t out_size);

/** Takes a tensor: it must be on the context's kind of device, of its element type, dense and row-major.
 * On success the managed tensor is the library's, until seqgpu_dlpack_close; on failure it is still the
 * caller's, who calls its deleter.
 * Errors: SEQGPU_EINVAL (an argument, a shape that cannot be, or another element type), SEQGPU_EUNSUPPORTED
 * (another major version, device or order of the elements). */
static inline seqgpu_status seqgpu_dlpack_import(seqgpu_context *ctx, seqgpu_dl_managed *managed,
                                                 seqgpu_dl_view *out) {
  return seqgpu_dlpack_import_(ctx, managed, out, sizeof(seqgpu_dl_view));
}

/** Gives a view's tensor back: calls its deleter, and sets `managed` to NULL, so that a second call does
 * nothing.
 * managed: the view's field; NULL, or a pointer to NULL, is allowed. */
SEQGPU_API void seqgpu_dlpack_close(seqgpu_dl_managed **managed);

#ifdef __cplusplus
}
#endif
#endif
