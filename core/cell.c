/* cell.c - options, and the building blocks of a cell's layout (cell.h). */
#include "core/cell.h"

#include <string.h>

/* ---- options ---- */

#define OPTION(BIT, field, ...)                                                                              \
  static double field##_of(const sq_config *config) { return (double)config->field; }
#include "core/options.def"
#undef OPTION

const sq_option sq_options[SQ_OPTIONS] = {
#define OPTION(BIT, field, kind, least, most, refusal, ...)                                                  \
  {#field,                                                                                                   \
   SQ_OPTION_##BIT,                                                                                          \
   field##_of,                                                                                               \
   least,                                                                                                    \
   most,                                                                                                     \
   #field ": " refusal,                                                                                      \
   #field ": must be 0, because this algorithm does not have the option; \"step\" does"},
#include "core/options.def"
#undef OPTION
};

const sq_option *sq_option_out_of_range(const sq_config *config) {
  for (int i = 0; i < SQ_OPTIONS; i++) {
    const double value = sq_options[i].value(config);
    if (!(value >= sq_options[i].least && value <= sq_options[i].most)) return &sq_options[i]; /* or NaN */
  }
  return NULL;
}

const sq_option *sq_option_first(const sq_config *config, unsigned known) {
  for (int i = 0; i < SQ_OPTIONS; i++)
    if (sq_options[i].value(config) != 0 && !(known & sq_options[i].bit)) return &sq_options[i];
  return NULL;
}

const char sq_no_answer[] = "the device failed when it was asked whether it has room for it";

const char *sq_option_beyond(const sq_config *config, unsigned known) {
  const sq_option *found = sq_option_first(config, known);
  return found ? found->beyond : NULL;
}

/* ---- parts ---- */

/* Copies the name that begins at *at, and moves on to the next; 0 at the end of the list. */
static int next_name(const char **at, char name[8]) {
  size_t n = strcspn(*at, ",");
  if (n == 0) return 0;
  memcpy(name, *at, n);
  name[n] = 0;
  *at += n + ((*at)[n] == ',');
  return 1;
}

/* f = 1 - i of a coupled LSTM is not stored either. */
static int left_out(const sq_config *c, const char *gate) {
  return (c->no_input_gate && strcmp(gate, "i") == 0) || (c->no_output_gate && strcmp(gate, "o") == 0) ||
         ((c->no_forget_gate || c->coupled) && strcmp(gate, "f") == 0);
}

/* The gates under the cell's names, each H wide, except those that the cell's layout has added itself. */
static void add_gate_parts(sq_layout *layout) {
  const int64_t H = layout->config.hidden_size;
  const char *names = layout->cell->gates;
  char name[8];
  int64_t column = 0;
  while (next_name(&names, name)) {
    if (left_out(&layout->config, name)) continue;
    sq_layout_add_part(layout, name, (sq_place){.buffer = SQ_GATES, .column = column}, H);
    column += H;
  }
}

static void add_state_parts(sq_layout *layout) {
  const char *names = layout->cell->states;
  char name[8];
  for (int k = 0; k < layout->states && next_name(&names, name); k++)
    sq_layout_add_part(layout, name, (sq_place){.buffer = SQ_STATE, .state = k}, layout->state_width[k]);
}

/* ---- layouts ---- */

static int is_result(const sq_layout *layout, int state) {
  for (int i = 0; i < layout->results; i++)
    if (layout->result[i].to.buffer == SQ_STATE && layout->result[i].to.state == state) return 1;
  return 0;
}

/* The states that the cell's layout has not named. */
static void add_state_results(sq_layout *layout) {
  for (int k = 0; k < layout->states; k++) {
    if (is_result(layout, k)) continue;
    const sq_place to = {.buffer = SQ_STATE, .state = k};
    const sq_result result = {.stage = layout->stages - 1, .to = to, .units = layout->state_width[k]};
    sq_layout_add_result(layout, result);
  }
}

const char *sq_layout_resolve(const sq_cell *cell, const sq_config *config, sq_layout *layout) {
  memset(layout, 0, sizeof *layout);
  layout->cell = cell;
  layout->config = *config;
  layout->bias = -1;
  for (int k = 0; k < SQ_MAX_STATES; k++) layout->initial[k] = -1;
  for (int k = 0; k < SQ_MAX_STATES; k++) layout->masks.candidate[k] = -1;
  layout->masks.dropped = layout->masks.scale = -1;
  layout->input = (sq_place){.buffer = SQ_GATES};
  const sq_option *lacking = sq_option_first(config, cell->options);
  const char *why = lacking ? lacking->refusal : cell->layout(config, layout);
  if (why != NULL) return why;
  add_state_results(layout);
  add_state_parts(layout); /* before the gates: the rnn has an "h" of both kinds */
  add_gate_parts(layout);
  return NULL;
}

int sq_layout_param(const sq_layout *layout, const char *name) {
  for (int i = 0; i < layout->params; i++)
    if (strcmp(layout->param[i].name, name) == 0) return i;
  return -1;
}

const sq_part *sq_layout_gate(const sq_layout *layout, const char *name) {
  for (int i = 0; i < layout->parts; i++)
    if (layout->part[i].place.buffer == SQ_GATES && strcmp(layout->part[i].name, name) == 0)
      return &layout->part[i];
  return NULL;
}

int sq_layout_add_param(sq_layout *layout, const char *name, int64_t rows, int64_t cols) {
  const int index = layout->params++;
  layout->param[index] =
      (sq_param){.name = name, .rows = rows, .cols = cols, .offset = layout->param_elements};
  layout->param_elements += rows * cols;
  return index;
}

void sq_layout_add_input(sq_layout *layout, int64_t gates, int64_t biased) {
  layout->gates = gates;
  sq_layout_add_param(layout, "weight_ih", gates, layout->config.input_size);
  if (biased == 0) return;
  layout->biased = biased;
  layout->bias = sq_layout_add_param(layout, "bias", biased, 1);
  sq_layout_add_sum(layout, (sq_sum){.param = layout->bias, .width = biased, .to = {.buffer = SQ_GATES}});
}

void sq_layout_one_gate(sq_layout *layout) {
  const int64_t H = layout->config.hidden_size;
  layout->output = H;
  layout->states = layout->stages = 1;
  layout->state_width[0] = H;
  sq_layout_add_input(layout, H, H);
}

void sq_layout_add_product(sq_layout *layout, sq_product product) {
  layout->product[layout->products++] = product;
}

void sq_layout_add_sum(sq_layout *layout, sq_sum sum) { layout->sum[layout->sums++] = sum; }

void sq_layout_add_result(sq_layout *layout, sq_result result) { layout->result[layout->results++] = result; }

void sq_layout_add_part(sq_layout *layout, const char *name, sq_place place, int64_t width) {
  for (int i = 0; i < layout->parts; i++)
    if (strcmp(layout->part[i].name, name) == 0) return;
  sq_part *part = &layout->part[layout->parts++];
  *part = (sq_part){.place = place, .width = width};
  memcpy(part->name, name, strlen(name) + 1);
}

int64_t sq_layout_add_aux(sq_layout *layout, int64_t width) {
  const int64_t column = layout->aux;
  layout->aux += width;
  return column;
}

void sq_layout_add_masks(sq_layout *layout) {
  const sq_config *c = &layout->config;
  sq_layout_masks *n = &layout->masks;
  n->zone[0] = c->zoneout_hidden;
  n->zone[1] = c->zoneout_cell;
  n->drop = c->recurrent_dropout;
  n->update = c->update_dropout;
  if (n->update > 0) n->scale = sq_layout_add_aux(layout, c->hidden_size);
  if (n->drop <= 0) return;
  n->dropped = sq_layout_add_aux(layout, layout->state_width[0]);
  int written = 0; /* in backward, by the products behind */
  for (int i = layout->products - 1; i >= 0; i--) {
    sq_product *p = &layout->product[i];
    if (p->from.buffer != SQ_STATE_PREV || p->from.state != 0) continue;
    p->from = (sq_place){.buffer = SQ_AUX, .column = n->dropped};
    p->adds = written;
    written = 1;
  }
}

int sq_layout_structured(const sq_layout *layout) {
  int structured = 0;
  for (int i = 0; i < layout->products; i++) structured |= layout->product[i].structure != NULL;
  for (int k = 0; k < layout->states; k++) structured |= layout->initial[k] >= 0;
  return structured;
}
