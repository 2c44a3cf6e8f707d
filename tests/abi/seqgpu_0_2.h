/* seqgpu_0_2.h - the structs of libseqgpu 0.2 and the functions that take their sizes, as a program compiled
 * in the days of 0.2 saw them.
 *
 * Frozen: nothing here ever changes, and nothing of host/include is included.  test_grown.sh links
 * client_0_2.c, which sees this file alone, with a library whose structs have grown.  Enums are int here, as
 * every compiler has them.
 */
#ifndef SEQGPU_0_2_H
#define SEQGPU_0_2_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_STATES = 4 };

typedef struct seqgpu_context seqgpu_context;
typedef struct seqgpu_plan seqgpu_plan;
typedef struct seqgpu_params seqgpu_params;

/* --- base.h --- */

typedef struct seqgpu_context_options {
  const char *device;
  int device_index;
  int threads;
  int dtype;
  void *stream;
  const void *allocator;
} seqgpu_context_options;

int seqgpu_context_create_(const seqgpu_context_options *options, size_t options_size, seqgpu_context **out);
void seqgpu_context_destroy(seqgpu_context *ctx);
const char *seqgpu_context_device(const seqgpu_context *ctx);
const char *seqgpu_last_error(const seqgpu_context *ctx);
int seqgpu_malloc(seqgpu_context *ctx, size_t size, void **out);
void seqgpu_free(seqgpu_context *ctx, void *pointer);
int seqgpu_copy_in(seqgpu_context *ctx, void *device, const void *host, size_t size);
int seqgpu_copy_out(seqgpu_context *ctx, void *host, const void *device, size_t size);

/* --- rnn.h --- */

typedef struct seqgpu_cell_info {
  const char *name;
  const char *about;
} seqgpu_cell_info;

typedef struct seqgpu_rnn_desc {
  const char *cell;
  int64_t input_size;
  int64_t hidden_size;
  int64_t num_layers;
  int64_t seq_len, batch;
  int bidirectional;
  int merge;
  int activation;
  int64_t projection_size;
  int peephole;
  int coupled;
  int reset_after;
  int64_t factor_size;
  int64_t context_size;
  double leak;
  int learn_leak;
  int64_t reflections;
  double dropout;
  int batch_first;
  int inference;
  int math;
} seqgpu_rnn_desc;

typedef struct seqgpu_plan_options {
  const char *algorithm;
  int mode;
  const char *cache;
} seqgpu_plan_options;

typedef struct seqgpu_algorithm_info {
  char name[64];
  char why_not[256];
  double estimate_us;
} seqgpu_algorithm_info;

typedef struct seqgpu_plan_sizes {
  size_t params;
  size_t x;
  size_t y;
  size_t state[MAX_STATES];
  size_t workspace;
  size_t reserve;
  int64_t param_elements;
  int64_t output_width;
  int64_t state_width[MAX_STATES];
  int state_count;
  uint64_t random_blocks;
} seqgpu_plan_sizes;

typedef struct seqgpu_param_info {
  char name[64];
  int64_t rows, cols;
  int64_t offset;
  int layer, direction;
  int fixed;
} seqgpu_param_info;

typedef struct seqgpu_part_info {
  char name[16];
  int64_t width;
} seqgpu_part_info;

typedef struct seqgpu_rnn_run {
  int64_t seq_len, batch;
  const int32_t *lengths;
  const int32_t *host_lengths;
  const void *params;
  const void *x;
  const void *initial[MAX_STATES];
  void *y;
  void *final[MAX_STATES];
  void *reserve;
  void *workspace;
  uint64_t seed, offset;
  const void *dy;
  const void *dfinal[MAX_STATES];
  void *dx;
  void *dinitial[MAX_STATES];
  void *dparams;
  void *memory;
} seqgpu_rnn_run;

int seqgpu_cell_count(void);
int seqgpu_cell_get_(int index, seqgpu_cell_info *out, size_t out_size);
int seqgpu_algorithm_count(const seqgpu_context *ctx);
int seqgpu_algorithm_get_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size, int index,
                          seqgpu_algorithm_info *out, size_t out_size);
int seqgpu_plan_create_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size,
                        const seqgpu_plan_options *options, size_t options_size, seqgpu_plan **out);
void seqgpu_plan_destroy(seqgpu_plan *plan);
const char *seqgpu_plan_algorithm(const seqgpu_plan *plan);
void seqgpu_plan_get_desc_(const seqgpu_plan *plan, seqgpu_rnn_desc *out, size_t out_size);
void seqgpu_plan_get_sizes_(const seqgpu_plan *plan, seqgpu_plan_sizes *out, size_t out_size);
int seqgpu_plan_param_count(const seqgpu_plan *plan);
int seqgpu_plan_param_get_(seqgpu_context *ctx, const seqgpu_plan *plan, int index, seqgpu_param_info *out,
                           size_t out_size);
int seqgpu_plan_part_count(const seqgpu_plan *plan);
int seqgpu_plan_part_get_(seqgpu_context *ctx, const seqgpu_plan *plan, int index, seqgpu_part_info *out,
                          size_t out_size);
int seqgpu_run_allocate_(seqgpu_context *ctx, const seqgpu_plan *plan, seqgpu_rnn_run *run, size_t run_size);
void seqgpu_run_release(seqgpu_context *ctx, seqgpu_rnn_run *run);
int seqgpu_rnn_forward_(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                        size_t run_size);
int seqgpu_rnn_backward_(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                         size_t run_size);
int seqgpu_rnn_inspect_(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                        size_t run_size, int layer, int direction, const char *part, void *out,
                        int64_t *width);

/* --- params.h --- */

typedef struct seqgpu_param {
  const char *name;
  int64_t rows, cols;
  void *value;
  void *grad;
} seqgpu_param;

typedef struct seqgpu_optimizer {
  int kind;
  double lr;
  double momentum;
  double decay;
  double eps;
  double weight_decay;
  int nesterov;
  int clip;
  double clip_threshold;
  double clip_window;
} seqgpu_optimizer;

int seqgpu_params_create(seqgpu_context *ctx, uint64_t seed, seqgpu_params **out);
void seqgpu_params_destroy(seqgpu_params *params);
int seqgpu_params_add_(seqgpu_params *params, const char *name, int64_t rows, int64_t cols, const char *init,
                       double scale, seqgpu_param *out, size_t out_size);
int seqgpu_params_add_rnn_(seqgpu_params *params, const char *prefix, const seqgpu_plan *plan,
                           seqgpu_param *out, size_t out_size);
int seqgpu_params_add_state_(seqgpu_params *params, const char *name, int64_t rows, int64_t cols,
                             seqgpu_param *out, size_t out_size);
int seqgpu_params_find_(const seqgpu_params *params, const char *name, seqgpu_param *out, size_t out_size);
int seqgpu_params_count(const seqgpu_params *params);
int seqgpu_params_get_(const seqgpu_params *params, int index, seqgpu_param *out, size_t out_size);
int seqgpu_params_zero_grad(seqgpu_params *params);
int seqgpu_params_update_(seqgpu_params *params, const seqgpu_optimizer *optimizer, size_t optimizer_size);

/* --- checkpoint.h --- */

typedef struct seqgpu_checkpoint seqgpu_checkpoint;

typedef struct seqgpu_meta {
  const char *key, *value;
} seqgpu_meta;

typedef struct seqgpu_tensor_info {
  const char *name;
  const char *dtype;
  int rank;
  int64_t shape[8];
  int64_t elements;
} seqgpu_tensor_info;

int seqgpu_checkpoint_save(seqgpu_params *params, const char *path, const seqgpu_meta *meta, int count);
int seqgpu_checkpoint_open(seqgpu_context *ctx, const char *path, seqgpu_checkpoint **out);
void seqgpu_checkpoint_close(seqgpu_checkpoint *checkpoint);
int seqgpu_checkpoint_tensor_count(const seqgpu_checkpoint *checkpoint);
int seqgpu_checkpoint_tensor_get_(const seqgpu_checkpoint *checkpoint, int index, seqgpu_tensor_info *out,
                                  size_t out_size);

/* --- tape.h --- */

typedef struct seqgpu_tape seqgpu_tape;
typedef struct seqgpu_tensor seqgpu_tensor;

int seqgpu_tape_create(seqgpu_context *ctx, uint64_t seed, seqgpu_tape **out);
void seqgpu_tape_destroy(seqgpu_tape *tape);
seqgpu_tensor *seqgpu_tape_param_(seqgpu_tape *tape, const seqgpu_param *param, size_t param_size);
seqgpu_tensor *seqgpu_tape_mul(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b);
int seqgpu_tape_update_(seqgpu_tape *tape, seqgpu_tensor *loss, seqgpu_params *params,
                        const seqgpu_optimizer *optimizer, size_t optimizer_size, double *value);

seqgpu_tensor *seqgpu_tape_input(seqgpu_tape *tape, int rank, const int64_t *shape, const void *host);
seqgpu_tensor *seqgpu_tape_squared_error(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *targets,
                                         seqgpu_tensor *mask, int mean, double scale);

/* --- hessian_free.h --- */

typedef struct seqgpu_hessian_free seqgpu_hessian_free;

typedef struct seqgpu_hessian_free_options {
  double lambda;
  double structural;
  int iterations;
  double progress;
  double decay;
  int cold;
  int64_t cases;
  double exponent;
  uint64_t seed;
} seqgpu_hessian_free_options;

typedef struct seqgpu_hessian_free_report {
  double loss;
  double new_loss;
  double lambda;
  double ratio;
  double rate;
  double gradient_norm;
  double step_norm;
  int iterations;
  int chosen;
} seqgpu_hessian_free_report;

typedef seqgpu_tensor *seqgpu_hessian_free_build(seqgpu_hessian_free *hf, seqgpu_tape *tape, int batch,
                                                 int64_t index, void *user);

int seqgpu_hessian_free_create_(seqgpu_params *params, const seqgpu_hessian_free_options *options,
                                size_t size, seqgpu_hessian_free **out);
void seqgpu_hessian_free_destroy(seqgpu_hessian_free *hf);
int seqgpu_hessian_free_update_(seqgpu_hessian_free *hf, seqgpu_hessian_free_build *build, void *user,
                                seqgpu_hessian_free_report *report, size_t report_size);

/* --- esn.h --- */

typedef struct seqgpu_esn seqgpu_esn;

typedef struct seqgpu_esn_desc {
  int64_t input_size;
  int64_t output_size;
  int64_t hidden_size;
  int feedback;
  int activation;
  double leak;
  double spectral_radius;
  int64_t links;
  double input_scale;
  double feedback_scale;
  double bias_scale;
  double noise;
  int squares;
  int method;
  int64_t batch;
  int64_t seq_len;
} seqgpu_esn_desc;

int seqgpu_esn_create_(seqgpu_params *params, const char *prefix, const seqgpu_esn_desc *desc,
                       size_t desc_size, seqgpu_esn **out);
void seqgpu_esn_destroy(seqgpu_esn *esn);
int64_t seqgpu_esn_features(const seqgpu_esn *esn);

#endif
