/* metrics.h - what the validation of a task measures. */
#ifndef METRICS_H
#define METRICS_H

/* The errors of outputs: sums over the judged steps of a validation that are scored. */
typedef struct task_errors {
  double count, wrong; /* answers; those that are not the label, or are off by more than the tolerance */
  double squares, target, target2; /* sums of (x - target)^2, target, target^2 */
  double sequences, failed;        /* sequences; those with a wrong answer */
  double right_steps;              /* of all sequences, the steps before their first wrong answer */
} task_errors;

/* Share of wrong answers. */
double task_error_rate(const task_errors *e);
/* Share of sequences with a wrong answer. */
double task_wrong_sequences(const task_errors *e);
/* Mean number of steps of a sequence before its first wrong answer, all of them if it has none. */
double task_right_steps(const task_errors *e);
/* Root of the mean squared error over the variance of the targets. */
double task_nrmse(const task_errors *e);

#endif
