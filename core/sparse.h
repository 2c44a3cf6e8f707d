/* sparse.h - a layer whose recurrent matrix is mostly zeros, step by step: the reservoir of an echo state
 * network, without the products by zero. */
#ifndef SQ_SPARSE_H
#define SQ_SPARSE_H

#include "core/layer.h"
#include "core/links.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 1 if a layer of this layout can run so: one stage, one product, of all units by all units. */
int sq_sparse_applies(const sq_layout *layout);

/* Collects the links of the layer's parameters; 0 if there are more than `most`. */
int sq_sparse_collect_f32(const sq_layout *layout, const void *params, sq_links *links);
int sq_sparse_collect_f64(const sq_layout *layout, const void *params, sq_links *links);

/* Elements of run->workspace, and a forward of full lengths in inference.  Each state has the same bits however
 * the steps are divided into runs. */
int64_t sq_sparse_workspace(const sq_layout *layout, int64_t batch);
void sq_sparse_forward_f32(const sq_layer_run *run, const sq_links *links);
void sq_sparse_forward_f64(const sq_layer_run *run, const sq_links *links);

#ifdef __cplusplus
}
#endif
#endif
