/* hf_tasks.h - the two problems of paper_hf: sequences in which two marked numbers must be remembered. */
#ifndef PAPER_HF_TASKS_H
#define PAPER_HF_TASKS_H

#include <stdint.h>

enum { HF_INPUTS = 2 }; /* a number and a mark */

/* How two marked numbers make the target, and what the network has to say. */
typedef struct hf_task {
  const char *name, *title;
  int outputs;            /* 1: the target itself, squared error; 2: classes, cross-entropy */
  double knowing_nothing; /* the loss of the best constant answer */
} hf_task;

/* addition: numbers uniform in (0,1), the target is their mean.  xor: bits, the target is their exclusive or.
 * */
extern const hf_task hf_addition, hf_xor;

/* `count` sequences of `steps`. */
typedef struct hf_data {
  const hf_task *task;
  int64_t steps, count;
  float *x;       /* [T,B,2] */
  float *target;  /* [B] */
  int32_t *class; /* [B], of two */
} hf_data;

/* Room for so many sequences: 0, or 1 after a sentence on stderr. */
int hf_data_open(hf_data *d, const hf_task *task, int64_t steps, int64_t count);
void hf_data_close(hf_data *d);
/* Other sequences for each seed. */
void hf_data_draw(hf_data *d, uint64_t seed);
/* The share of wrong answers of y [B,outputs]: off by more than 0.04, or the wrong class. */
double hf_data_errors(const hf_data *d, const float *y);

#endif
