/* test_exchange_made.c - files of other programs, written here with one thing in each that is not as usual:
 * what is taken, what is left, and what is refused with which words (host/formats).
 *
 * What real files of those programs compute is in test_exchange.c.
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <sys/stat.h>
#include <unistd.h>

#include "host/formats/zip.h"
#include "tests/refused.h"

static char folder[64]; /* of this run */
static seqgpu_context *ctx;

/* What must come of a file: a status and words of its sentence, or networks and things that are left, words
 * of which `word` is then. */
typedef struct outcome {
  seqgpu_status status;
  int nets, left;
  const char *word;
} outcome;

#define REFUSE(status, word)                                                                                 \
  { SEQGPU_##status, 0, 0, word }
#define TAKE(nets, left, word)                                                                               \
  { SEQGPU_OK, nets, left, word }

static const char *path_of(const char *file) {
  static char path[160];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  return path;
}

/* Whether a network has this name, or a sentence of what is left has this word. */
static int mentions(const seqgpu_import *import, const char *word) {
  int found = seqgpu_import_find(import, word) >= 0;
  for (int i = 0; i < seqgpu_import_left_count(import); i++)
    found |= strstr(seqgpu_import_left(import, i), word) != NULL;
  return found;
}

static void check_file(const char *file, const char *format, const char *name, const outcome *want) {
  seqgpu_import *import = NULL;
  forget_error(ctx);
  const seqgpu_status status = seqgpu_import_open(ctx, path_of(file), format, &import);
  if (want->status != SEQGPU_OK)
    refused(ctx, status, want->status, want->word, name);
  else
    CHECK(status == SEQGPU_OK && seqgpu_import_count(import) == want->nets &&
              seqgpu_import_left_count(import) == want->left &&
              (!want->word[0] || mentions(import, want->word)),
          "%s: %d networks, %d things left, \"%s\"", name, want->nets, want->left, want->word);
  if (status != SEQGPU_OK && want->status == SEQGPU_OK) printf("# %s\n", seqgpu_last_error(ctx));
  seqgpu_import_close(import);
  unlink(path_of(file));
}

static void write_bytes(const char *file, const void *bytes, size_t size) {
  FILE *to = fopen(path_of(file), "wb");
  fwrite(bytes, 1, size, to);
  fclose(to);
}

/* ---------------------------------------------------------------- JSON */

#define MODEL(list) "{\"in_shape\":[null,null,1],\"layers\":[" list "]}"
#define LAYER(type, shape, weights)                                                                          \
  "{\"type\":\"" type "\",\"shape\":[null,null," shape "],\"weights\":[" weights "]}"
#define DENSE(type, more, shape, weights)                                                                    \
  "{\"type\":\"" type "\"," more "\"shape\":[" shape "],\"weights\":[" weights "]}"
#define LSTM_1  LAYER("lstm", "1", "[[1,2,3,4]],[[5,6,7,8]],[9,10,11,12]")
#define GRU_1   LAYER("gru", "1", "[[1,2,3]],[[4,5,6]],[[7,8,9],[10,11,12]]")
#define LSTM_W  "[[1,2,3,4]],[[5,6,7,8]],"
#define NOT_FIT REFUSE(EFORMAT, "layer 0 has weights that are not of its shape")
#define NAM(net, config, weights)                                                                            \
  "{\"version\":\"1\",\"architecture\":" net ",\"config\":{" config "},\"weights\":[" weights "]}"
#define SIZES "\"input_size\":1,\"hidden_size\":1,\"num_layers\":1"

static const struct {
  const char *name, *file, *format, *text;
  outcome want;
} texts[] = {
    {"an LSTM", "m.json", NULL, MODEL(LSTM_1), TAKE(1, 0, "lstm_0")},
    {"blanks before", "m.json", NULL, " \n\t\r" MODEL(GRU_1), TAKE(1, 0, "gru_0")},
    {"no in_shape", "m.json", NULL, "{\"layers\":[" LSTM_1 "]}", REFUSE(EFORMAT, "no in_shape")},
    {"layers alone", "m.json", NULL, "{\"layers\":[]}", REFUSE(EFORMAT, "is of no format")},
    {"blanks alone", "m.json", NULL, "  ", REFUSE(EFORMAT, "is of no format")},
    {"an array", "m.json", NULL, "[]", REFUSE(EFORMAT, "is of no format")},
    {"no JSON", "m.json", "rtneural", "{\"layers\":", REFUSE(EFORMAT, "is not valid JSON")},
    {"layers that are no list", "m.json", NULL, "{\"in_shape\":[1],\"layers\":3}",
     REFUSE(EFORMAT, "has no list of layers")},
    {"two networks", "m.json", NULL, MODEL(LSTM_1 "," GRU_1), TAKE(2, 0, "gru_1")},
    {"a network of two layers", "m.json", NULL, MODEL(LSTM_1 "," LSTM_1), TAKE(1, 0, "lstm_0")},
    {"two sizes", "m.json", NULL,
     MODEL(LSTM_1 "," LAYER("lstm", "2",
                            "[[0,0,0,0,0,0,0,0]],[[0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0]],[0,0,0,0,0,0,0,0]")),
     TAKE(2, 0, "lstm_1")},
    {"a layer of no type", "m.json", NULL, MODEL("{\"shape\":[1]}"), TAKE(0, 1, "layer 0: ")},
    {"a layer that is left, of no size", "m.json", NULL,
     MODEL("{\"type\":\"conv1d\",\"shape\":[null]}," LSTM_1), TAKE(1, 1, "layer 0: conv1d")},
    {"no size", "m.json", NULL, MODEL(LAYER("lstm", "null", "")), REFUSE(EFORMAT, "layer 0 has no size")},
    {"a size below 1", "m.json", NULL, MODEL(LAYER("lstm", "0", "")), REFUSE(EFORMAT, "layer 0 has no size")},
    {"a size without end", "m.json", NULL, MODEL(LAYER("lstm", "1e9", "")),
     REFUSE(EFORMAT, "layer 0 has no size")},
    {"a shape that is a number", "m.json", NULL, MODEL("{\"type\":\"gru\",\"shape\":1,\"weights\":[]}"),
     REFUSE(EFORMAT, "layer 0 has no size")},
    {"no weights", "m.json", NULL, MODEL(LAYER("lstm", "1", "")), NOT_FIT},
    {"a kernel of numbers", "m.json", NULL, MODEL(LAYER("lstm", "1", "[5]")), NOT_FIT},
    {"a kernel of other columns", "m.json", NULL, MODEL(LAYER("lstm", "1", "[[1,2]]")), NOT_FIT},
    {"no recurrent kernel", "m.json", NULL, MODEL(LAYER("lstm", "1", "[[1,2,3,4]]")), NOT_FIT},
    {"a recurrent kernel of other columns", "m.json", NULL, MODEL(LAYER("lstm", "1", "[[1,2,3,4]],[[5]]")),
     NOT_FIT},
    {"a word in the kernel", "m.json", NULL,
     MODEL(LAYER("lstm", "1", "[[1,2,3,\"x\"]],[[5,6,7,8]],[1,2,3,4]")), NOT_FIT},
    {"a word in the recurrent kernel", "m.json", NULL,
     MODEL(LAYER("lstm", "1", "[[1,2,3,4]],[[5,6,7,\"x\"]],[1,2,3,4]")), NOT_FIT},
    {"a bias that is a number", "m.json", NULL, MODEL(LAYER("lstm", "1", LSTM_W "7")), NOT_FIT},
    {"a bias of fewer", "m.json", NULL, MODEL(LAYER("lstm", "1", LSTM_W "[1,2,3]")), NOT_FIT},
    {"a bias of more", "m.json", NULL, MODEL(LAYER("lstm", "1", LSTM_W "[1,2,3,4,5]")), NOT_FIT},
    {"a GRU's bias that is a number", "m.json", NULL, MODEL(LAYER("gru", "1", "[[1,2,3]],[[4,5,6]],7")),
     NOT_FIT},
    {"a GRU's bias of one row", "m.json", NULL, MODEL(LAYER("gru", "1", "[[1,2,3]],[[4,5,6]],[[1,2,3]]")),
     NOT_FIT},
    {"a GRU's bias of three rows", "m.json", NULL,
     MODEL(LAYER("gru", "1", "[[1,2,3]],[[4,5,6]],[[1,2,3],[1,2,3],[1,2,3]]")), NOT_FIT},
    {"a GRU's bias of short rows", "m.json", NULL,
     MODEL(LAYER("gru", "1", "[[1,2,3]],[[4,5,6]],[[1,2,3],[1,2]]")), NOT_FIT},
    {"a read-out", "m.json", NULL, MODEL(LSTM_1 "," DENSE("dense", "\"activation\":\"\",", "1", "[[1]],[2]")),
     TAKE(1, 0, "lstm_0")},
    {"one of each step", "m.json", NULL,
     MODEL(LSTM_1 "," DENSE("time-distributed-dense", "", "1", "[[1]],[2]")), TAKE(1, 0, "lstm_0")},
    {"a read-out first", "m.json", NULL, MODEL(DENSE("dense", "", "1", "[[1]],[2]")), TAKE(0, 1, "dense")},
    {"with an activation", "m.json", NULL,
     MODEL(LSTM_1 "," DENSE("dense", "\"activation\":\"tanh\",", "1", "[[1]],[2]")), TAKE(1, 1, "dense")},
    {"of no size", "m.json", NULL, MODEL(LSTM_1 "," DENSE("dense", "", "", "[[1]],[2]")),
     TAKE(1, 1, "dense")},
    {"of other rows", "m.json", NULL, MODEL(LSTM_1 "," DENSE("dense", "", "1", "[[1],[1]],[2]")),
     TAKE(1, 1, "dense")},
    {"of other columns", "m.json", NULL, MODEL(LSTM_1 "," DENSE("dense", "", "1", "[[1,1]],[2]")),
     TAKE(1, 1, "dense")},
    {"a word in the read-out", "m.json", NULL, MODEL(LSTM_1 "," DENSE("dense", "", "1", "[[\"x\"]],[2]")),
     REFUSE(EFORMAT, "layer 1 has weights that are not")},
    {"a read-out without a bias", "m.json", NULL, MODEL(LSTM_1 "," DENSE("dense", "", "1", "[[1]]")),
     REFUSE(EFORMAT, "layer 1 has weights that are not")},
    {"a .nam", "m.nam", NULL, NAM("\"LSTM\"", SIZES, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"),
     TAKE(1, 0, "lstm")},
    {"a .nam by its words", "m", NULL, NAM("\"LSTM\"", SIZES, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"),
     TAKE(1, 0, "lstm")},
    {"half of its words", "m", NULL, "{\"architecture\":\"LSTM\"}", REFUSE(EFORMAT, "is of no format")},
    {"no architecture", "m.nam", NULL, "{}", REFUSE(EFORMAT, "it has no architecture")},
    {"another architecture", "m.nam", NULL, NAM("\"WaveNet\"", SIZES, ""),
     REFUSE(EUNSUPPORTED, "its architecture is WaveNet")},
    {"no config", "m.nam", NULL, NAM("\"LSTM\"", "", ""), REFUSE(EFORMAT, "its config lacks")},
    {"no hidden_size", "m.nam", NULL, NAM("\"LSTM\"", "\"input_size\":1", ""),
     REFUSE(EFORMAT, "its config lacks")},
    {"no num_layers", "m.nam", NULL, NAM("\"LSTM\"", "\"input_size\":1,\"hidden_size\":1", ""),
     REFUSE(EFORMAT, "its config lacks")},
    {"an input_size below 1", "m.nam", NULL, NAM("\"LSTM\"", "\"input_size\":0", ""),
     REFUSE(EFORMAT, "its config lacks")},
    {"an input_size without end", "m.nam", NULL, NAM("\"LSTM\"", "\"input_size\":1e9", ""),
     REFUSE(EFORMAT, "its config lacks")},
    {"half an input", "m.nam", NULL, NAM("\"LSTM\"", "\"input_size\":1.5", ""),
     REFUSE(EFORMAT, "its config lacks")},
    {"fewer weights", "m.nam", NULL, NAM("\"LSTM\"", SIZES, "1,2"),
     REFUSE(EFORMAT, "has 2 weights; with these sizes it must have 16")},
    {"weights that are no list", "m.nam", NULL,
     "{\"architecture\":\"LSTM\",\"config\":{" SIZES "},\"weights\":3}", REFUSE(EFORMAT, "has 0 weights")},
    {"a word among the weights", "m.nam", NULL,
     NAM("\"LSTM\"", SIZES, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,\"x\""),
     REFUSE(EFORMAT, "its weights are not numbers")},
};

/* Whether this build reads JSON. */
static int reads_json(void) {
  seqgpu_import *import = NULL;
  write_bytes("m.nam", "{}", 2);
  const seqgpu_status status = seqgpu_import_open(ctx, path_of("m.nam"), NULL, &import);
  if (status == SEQGPU_EUNSUPPORTED) check_skip(seqgpu_last_error(ctx), "models in JSON");
  unlink(path_of("m.nam"));
  return status != SEQGPU_EUNSUPPORTED;
}

static void test_texts(void) {
  for (size_t i = 0; i < COUNT(texts); i++) {
    write_bytes(texts[i].file, texts[i].text, strlen(texts[i].text));
    check_file(texts[i].file, texts[i].format, texts[i].name, &texts[i].want);
  }
}

/* ---------------------------------------------------------------- named arrays */

/* An array of zeros. */
typedef struct made {
  const char *name;
  int rank;
  int64_t shape[3];
} made;

#define M(name, rows, cols)                                                                                  \
  {                                                                                                          \
    name, 2, { rows, cols }                                                                                  \
  }
#define V(name, size)                                                                                        \
  {                                                                                                          \
    name, 1, { size }                                                                                        \
  }
enum { MOST = 8 };

static const struct {
  const char *name, *format;
  made arrays[MOST];
  outcome want;
} lists[] = {
    {"an LSTM",
     NULL,
     {M("lstm/kernel", 2, 4), M("lstm/recurrent_kernel", 1, 4), V("lstm/bias", 4)},
     TAKE(1, 0, "lstm")},
    {"names that end with :0",
     NULL,
     {M("l/kernel:0", 2, 4), M("l/recurrent_kernel:0", 1, 4)},
     TAKE(1, 0, "l")},
    {"names with another end",
     NULL,
     {M("l/kernel", 2, 4), M("l/recurrent_kernels", 1, 4)},
     TAKE(0, 2, "l/kernel")},
    {"a longer word", NULL, {M("l/kernel", 2, 4), M("l/my_recurrent_kernel", 1, 4)}, TAKE(0, 2, "l/kernel")},
    {"a layer without a name", NULL, {M("kernel", 2, 4), M("recurrent_kernel", 1, 4)}, TAKE(1, 0, "")},
    {"a layer called by the word",
     NULL,
     {M("recurrent_kernel/kernel", 2, 4), M("recurrent_kernel/recurrent_kernel", 1, 4)},
     TAKE(1, 0, "recurrent_kernel")},
    {"the cell's name",
     NULL,
     {M("rnn/lstm_cell/kernel", 1, 4), M("rnn/lstm_cell/recurrent_kernel", 1, 4)},
     TAKE(1, 0, "rnn")},
    {"the layer's name twice",
     NULL,
     {M("rnn_1/rnn_1/kernel", 1, 4), M("rnn_1/rnn_1/recurrent_kernel", 1, 4)},
     TAKE(1, 0, "rnn_1")},
    {"inside a model",
     NULL,
     {M("m/rnn.rnn.kernel", 1, 4), M("m/rnn.rnn.recurrent_kernel", 1, 4)},
     TAKE(1, 0, "m/rnn")},
    {"a name that ends like another",
     NULL,
     {M("mrnn/rnn/kernel", 1, 4), M("mrnn/rnn/recurrent_kernel", 1, 4)},
     TAKE(1, 0, "mrnn/rnn")},
    {"two names of one length",
     NULL,
     {M("abc/rnn/kernel", 1, 4), M("abc/rnn/recurrent_kernel", 1, 4)},
     TAKE(1, 0, "abc/rnn")},
    {"a longer name inside",
     NULL,
     {M("a/rnn/kernel", 1, 4), M("a/rnn/recurrent_kernel", 1, 4)},
     TAKE(1, 0, "a/rnn")},
    {"no kernel", NULL, {M("l/recurrent_kernel", 1, 4)}, TAKE(0, 1, "l/recurrent")},
    {"a kernel of another rank",
     NULL,
     {V("l/kernel", 4), M("l/recurrent_kernel", 1, 4)},
     TAKE(0, 2, "l/kernel")},
    {"a recurrent kernel of another rank",
     NULL,
     {M("l/kernel", 1, 4), V("l/recurrent_kernel", 4)},
     TAKE(0, 2, "l/kernel")},
    {"no units", NULL, {M("l/kernel", 1, 4), M("l/recurrent_kernel", 0, 4)}, TAKE(0, 2, "l/kernel")},
    {"half a gate", NULL, {M("l/kernel", 1, 5), M("l/recurrent_kernel", 2, 5)}, TAKE(0, 2, "l/kernel")},
    {"two gates", NULL, {M("l/kernel", 1, 2), M("l/recurrent_kernel", 1, 2)}, TAKE(0, 2, "l/kernel")},
    {"a kernel of other gates",
     NULL,
     {M("l/kernel", 1, 3), M("l/recurrent_kernel", 1, 4)},
     TAKE(0, 2, "l/kernel")},
    {"a bias of another size",
     NULL,
     {M("l/kernel", 1, 4), M("l/recurrent_kernel", 1, 4), V("l/bias", 3)},
     TAKE(0, 3, "l/bias")},
    {"a bias of two rows",
     NULL,
     {M("l/kernel", 1, 4), M("l/recurrent_kernel", 1, 4), M("l/bias", 2, 4)},
     TAKE(0, 3, "l/bias")},
    {"a GRU's bias",
     NULL,
     {M("l/kernel", 1, 3), M("l/recurrent_kernel", 1, 3), M("l/bias", 2, 3)},
     TAKE(1, 0, "l")},
    {"a GRU's bias of three rows",
     NULL,
     {M("l/kernel", 1, 3), M("l/recurrent_kernel", 1, 3), M("l/bias", 3, 3)},
     TAKE(0, 3, "l/bias")},
    {"a GRU's bias of short rows",
     NULL,
     {M("l/kernel", 1, 3), M("l/recurrent_kernel", 1, 3), M("l/bias", 2, 2)},
     TAKE(0, 3, "l/bias")},
    {"an RNN with the bias of cuDNN",
     NULL,
     {M("l/kernel", 1, 1), M("l/recurrent_kernel", 1, 1), V("l/bias", 2)},
     TAKE(0, 3, "l/bias")},
    {"both directions",
     NULL,
     {M("b/forward_l/kernel", 1, 4), M("b/forward_l/recurrent_kernel", 1, 4), M("b/backward_l/kernel", 1, 4),
      M("b/backward_l/recurrent_kernel", 1, 4)},
     TAKE(1, 0, "b")},
    {"both directions without a layer's name",
     NULL,
     {M("forward_l/kernel", 1, 4), M("forward_l/recurrent_kernel", 1, 4), M("backward_l/kernel", 1, 4),
      M("backward_l/recurrent_kernel", 1, 4)},
     TAKE(1, 0, "forward_l")},
    {"directions of two layers",
     NULL,
     {M("b/forward_l/kernel", 1, 4), M("b/forward_l/recurrent_kernel", 1, 4), M("b/backward_m/kernel", 1, 4),
      M("b/backward_m/recurrent_kernel", 1, 4)},
     TAKE(2, 0, "b/forward_l")},
    {"directions of two models",
     NULL,
     {M("b/forward_l/kernel", 1, 4), M("b/forward_l/recurrent_kernel", 1, 4), M("c/backward_l/kernel", 1, 4),
      M("c/backward_l/recurrent_kernel", 1, 4)},
     TAKE(2, 0, "c/backward_l")},
    {"a direction that is damaged",
     NULL,
     {M("b/forward_l/kernel", 1, 4), M("b/forward_l/recurrent_kernel", 1, 4),
      M("b/backward_l/recurrent_kernel", 1, 4)},
     TAKE(1, 1, "b/forward_l")},
    {"directions of two cells",
     NULL,
     {M("b/forward_l/kernel", 1, 4), M("b/forward_l/recurrent_kernel", 1, 4), M("b/backward_l/kernel", 1, 3),
      M("b/backward_l/recurrent_kernel", 1, 3)},
     TAKE(2, 0, "b/forward_l")},
    {"directions of two widths",
     NULL,
     {M("b/forward_l/kernel", 1, 4), M("b/forward_l/recurrent_kernel", 1, 4), M("b/backward_l/kernel", 2, 4),
      M("b/backward_l/recurrent_kernel", 1, 4)},
     TAKE(2, 0, "b/forward_l")},
    {"directions of two sizes",
     NULL,
     {M("b/forward_l/kernel", 1, 4), M("b/forward_l/recurrent_kernel", 1, 4), M("b/backward_l/kernel", 1, 8),
      M("b/backward_l/recurrent_kernel", 2, 8)},
     TAKE(2, 0, "b/forward_l")},
    {"directions of two GRUs",
     NULL,
     {M("b/forward_l/kernel", 1, 3), M("b/forward_l/recurrent_kernel", 1, 3), M("b/backward_l/kernel", 1, 3),
      M("b/backward_l/recurrent_kernel", 1, 3), V("b/backward_l/bias", 3)},
     TAKE(2, 0, "b/forward_l")},
    {"PyTorch's names", NULL, {M("a.weight_ih_l0", 4, 2), M("a.weight_hh_l0", 4, 1)}, TAKE(1, 0, "a")},
    {"without a prefix", NULL, {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1)}, TAKE(1, 0, "")},
    {"a prefix without a dot", NULL, {M("aweight_ih_l0", 4, 2), M("aweight_hh_l0", 4, 1)}, TAKE(1, 0, "a")},
    {"no weight_hh", NULL, {M("weight_ih_l0", 4, 2)}, TAKE(0, 1, "weight_ih")},
    {"a weight_ih of another rank",
     NULL,
     {V("weight_ih_l0", 4), M("weight_hh_l0", 4, 1)},
     TAKE(0, 2, "weight_ih")},
    {"a weight_hh of another rank",
     NULL,
     {M("weight_ih_l0", 4, 2), V("weight_hh_l0", 4)},
     TAKE(0, 2, "weight_ih")},
    {"a weight_hr of another rank",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), V("weight_hr_l0", 1)},
     TAKE(0, 3, "weight_ih")},
    {"no columns", NULL, {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 0)}, TAKE(0, 2, "weight_ih")},
    {"half a unit", NULL, {M("weight_ih_l0", 5, 2), M("weight_hh_l0", 4, 2)}, TAKE(0, 2, "weight_ih")},
    {"as many gates as no cell has",
     NULL,
     {M("weight_ih_l0", 2, 2), M("weight_hh_l0", 2, 1)},
     TAKE(0, 2, "weight_ih")},
    {"two layers",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), M("weight_ih_l1", 4, 1), M("weight_hh_l1", 4, 1)},
     TAKE(1, 0, "")},
    {"a layer of other rows",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), M("weight_ih_l1", 3, 1), M("weight_hh_l1", 4, 1)},
     REFUSE(EFORMAT, "\"weight_ih_l1\" is [3,1]; it must be [4,1]")},
    {"a layer of other columns",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), M("weight_ih_l1", 4, 2), M("weight_hh_l1", 4, 1)},
     REFUSE(EFORMAT, "\"weight_ih_l1\" is [4,2]; it must be [4,1]")},
    {"a layer that is half there",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), M("weight_ih_l1", 4, 1)},
     REFUSE(EFORMAT, "\"weight_hh_l1\" is not in the file")},
    {"both biases",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), V("bias_ih_l0", 4), V("bias_hh_l0", 4)},
     TAKE(1, 0, "")},
    {"our own bias",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), V("bias_l0", 4)},
     TAKE(1, 0, "")},
    {"one bias of two",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), V("bias_ih_l0", 4)},
     REFUSE(EFORMAT, "\"bias_hh_l0\" is not in the file")},
    {"the other bias of two",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), V("bias_hh_l0", 4)},
     REFUSE(EFORMAT, "\"bias_ih_l0\" is not in the file")},
    {"a bias of another size",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), V("bias_l0", 3)},
     REFUSE(EFORMAT, "\"bias_l0\" is [3]; it must be [4,1]")},
    {"a bias of three dimensions",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), {"bias_l0", 3, {4, 1, 1}}},
     REFUSE(EFORMAT, "\"bias_l0\" is [4,1,1]; it must be [4,1]")},
    {"a list for a matrix",
     NULL,
     {M("weight_ih_l0", 4, 2), M("weight_hh_l0", 4, 1), V("weight_ih_l1", 4), M("weight_hh_l1", 4, 1)},
     TAKE(1, 0, "")},
    {"a list for a wider matrix",
     NULL,
     {M("weight_ih_l0", 8, 2), M("weight_hh_l0", 8, 2), V("weight_ih_l1", 8), M("weight_hh_l1", 8, 2)},
     REFUSE(EFORMAT, "\"weight_ih_l1\" is [8]; it must be [8,2]")},
    {"an archive as a checkpoint of ours",
     "seqgpu",
     {V("a", 1)},
     REFUSE(EFORMAT, "is not a .safetensors file")},
    {"an archive as what it is not", "nam", {V("a", 1)}, REFUSE(EFORMAT, "is not valid JSON")},
};

static void test_lists(void) {
  static const double zeros[64];
  for (size_t i = 0; i < COUNT(lists); i++) {
    seqgpu_npy_array arrays[MOST];
    int count = 0;
    for (; count < MOST && lists[i].arrays[count].name; count++) {
      const made *m = &lists[i].arrays[count];
      arrays[count] =
          (seqgpu_npy_array){.name = m->name, .dtype = SEQGPU_DTYPE_F64, .rank = m->rank, .values = zeros};
      memcpy(arrays[count].shape, m->shape, sizeof m->shape);
    }
    CHECK(seqgpu_npy_write(ctx, path_of("a.npz"), arrays, count) == SEQGPU_OK, "%s: %d arrays", lists[i].name,
          count);
    check_file("a.npz", lists[i].format, lists[i].name, &lists[i].want);
  }
}

/* Names that are longer than any program makes them: they are left, and cut where they are shown. */
static void test_long_names(void) {
  static const char *const ends[] = {"/recurrent_kernel.npy", "weight_ih_l0.npy"};
  static const char head[] = "\x93NUMPY\1\0\x37\0{'descr':'<f8','fortran_order':False,'shape':(1,1)}   \n";
  const double one = 1;
  for (size_t i = 0; i < COUNT(ends); i++) {
    char name[700];
    const outcome left = TAKE(0, 1, "nnnn");
    memset(name, 'n', 600);
    strcpy(name + 600, ends[i]);
    sq_zip_part part = {
        .name = name, .head = head, .head_size = sizeof head - 1, .data = &one, .data_size = 8};
    FILE *file = fopen(path_of("long.npz"), "wb");
    CHECK(sq_zip_write(ctx, "long.npz", file, &part, 1) == SEQGPU_OK, "an array with a long name");
    fclose(file);
    check_file("long.npz", i ? NULL : "keras", ends[i], &left);
  }
}

/* ---------------------------------------------------------------- checkpoints of ours */

#define T(name, shape, from, to)                                                                             \
  ",\"" name "\":{\"dtype\":\"F64\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"
#define RNN(p)                                                                                               \
  T(p "weight_ih_l0", "[1,1]", 0, 8) T(p "weight_hh_l0", "[1,1]", 8, 16) T(p "bias_l0", "[1]", 16, 24)
#define NET(text)     "{\"__metadata__\":{\"network.a\":\"" text "\"}" RNN("a.")
#define TRAINED(meta) "{\"__metadata__\":{\"format\":\"seqgpu 1\"" meta "}" RNN("rnn.")
#define RNN_TEXT      "cell=rnn input_size=1 hidden_size=1"

static const struct {
  const char *name, *header;
  int64_t numbers; /* of float64 behind it */
  outcome want;
} headers[] = {
    {"a network", NET(RNN_TEXT) "}", 3, TAKE(1, 0, "a")},
    {"blanks at the end", NET(RNN_TEXT " ") "}", 3, TAKE(1, 0, "a")},
    {"a word without a value", NET(RNN_TEXT " fast") "}", 3,
     REFUSE(EFORMAT, "have \"fast\" where FIELD=VALUE must be")},
    {"a field of a newer library", NET(RNN_TEXT " speed=9") "}", 3,
     REFUSE(EUNSUPPORTED, "have the field \"speed\"; it needs a newer library")},
    {"a cell of a newer library", NET("cell=quantum") "}", 3,
     REFUSE(EUNSUPPORTED, "name the cell \"quantum\"")},
    {"no cell", NET("hidden_size=1") "}", 3, REFUSE(EFORMAT, "a network without a cell")},
    {"a size that is none", NET("cell=rnn hidden_size=x") "}", 3,
     REFUSE(EFORMAT, "say hidden_size=x, which is no")},
    {"a size below 0", NET("cell=rnn hidden_size=-1") "}", 3, REFUSE(EFORMAT, "say hidden_size=-1")},
    {"a size with more behind it", NET("cell=rnn hidden_size=1x") "}", 3,
     REFUSE(EFORMAT, "say hidden_size=1x")},
    {"a size without end", NET("cell=rnn hidden_size=99999999999999999999") "}", 3,
     REFUSE(EFORMAT, "say hidden_size=999")},
    {"a flag of 2", NET(RNN_TEXT " reverse=2") "}", 3, REFUSE(EFORMAT, "say reverse=2")},
    {"an unknown activation", NET(RNN_TEXT " activation=gelu") "}", 3,
     REFUSE(EFORMAT, "say activation=gelu")},
    {"a share that is none", NET("cell=leaky leak=x") "}", 3, REFUSE(EFORMAT, "say leak=x")},
    {"a share with more behind it", NET("cell=leaky leak=1x") "}", 3, REFUSE(EFORMAT, "say leak=1x")},
    {"a share without end", NET("cell=leaky leak=inf") "}", 3, REFUSE(EFORMAT, "say leak=inf")},
    {"an impossible network", NET("cell=rnn input_size=1") "}", 3, REFUSE(EFORMAT, "network \"a\": ")},
    {"a word that is too long",
     NET("cell=rnn "
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=1") "}",
     3, REFUSE(EFORMAT, "a word of 1")},
    {"a network without a name", "{\"__metadata__\":{\"network.\":\"" RNN_TEXT "\"}" RNN("") "}", 3,
     TAKE(1, 0, "")},
    {"an array more", NET(RNN_TEXT) T("b", "[]", 24, 32) "}", 4, TAKE(1, 1, "\"b\" []")},
    {"an array less", "{\"__metadata__\":{\"network.a\":\"" RNN_TEXT "\"}}", 0,
     REFUSE(EFORMAT, "\"a.weight_ih_l0\" is not in the file")},
    {"a read-out", NET(RNN_TEXT) T("a.head.weight", "[2,1]", 24, 40) T("a.head.bias", "[2]", 40, 56) "}", 7,
     TAKE(1, 0, "a")},
    {"a read-out without a bias", NET(RNN_TEXT) T("a.head.weight", "[2,1]", 24, 40) "}", 5,
     TAKE(1, 1, "head")},
    {"a read-out that is a list",
     NET(RNN_TEXT) T("a.head.weight", "[1]", 24, 32) T("a.head.bias", "[1]", 32, 40) "}", 5,
     TAKE(1, 2, "head")},
    {"a read-out with another bias",
     NET(RNN_TEXT) T("a.head.weight", "[2,1]", 24, 40) T("a.head.bias", "[1]", 40, 48) "}", 6,
     REFUSE(EFORMAT, "\"a.head.bias\" is [1]; it must be [2,1]")},
    {"a state", NET(RNN_TEXT) T("a.initial.h", "[1,1]", 24, 32) "}", 4, TAKE(1, 0, "a")},
    {"a state that is a list", NET(RNN_TEXT) T("a.initial.h", "[1]", 24, 32) "}", 4, TAKE(1, 1, "initial.h")},
    {"a trained network", TRAINED(",\"cell\":\"rnn\",\"hidden\":\"1\"") "}", 3, TAKE(1, 0, "rnn")},
    {"a trained network of no cell", TRAINED("") "}", 3, REFUSE(EFORMAT, "its metadata name no cell")},
    {"a trained network of a newer cell", TRAINED(",\"cell\":\"quantum\"") "}", 3,
     REFUSE(EUNSUPPORTED, "name the cell \"quantum\"")},
    {"a trained network of no size", TRAINED(",\"cell\":\"rnn\",\"hidden\":\"x\"") "}", 3,
     REFUSE(EFORMAT, "say \"hidden\" is \"x\", which is no value")},
    {"trained weights that are a list",
     "{\"__metadata__\":{\"format\":\"seqgpu 1\",\"cell\":\"rnn\",\"hidden\":\"1\"}" T("rnn.weight_ih_l0",
                                                                                       "[1]", 0, 8) "}",
     1, REFUSE(EFORMAT, "network \"rnn\": ")},
    {"no trained weights", "{\"__metadata__\":{\"format\":\"seqgpu 1\",\"cell\":\"rnn\",\"hidden\":\"1\"}}",
     0, REFUSE(EFORMAT, "network \"rnn\": ")},
};

static void test_headers(void) {
  for (size_t i = 0; i < COUNT(headers); i++) {
    static const double zeros[16];
    const uint64_t length = strlen(headers[i].header);
    FILE *file = fopen(path_of("c.safetensors"), "wb");
    fwrite(&length, sizeof length, 1, file);
    fwrite(headers[i].header, 1, length, file);
    fwrite(zeros, sizeof zeros[0], (size_t)headers[i].numbers, file);
    fclose(file);
    check_file("c.safetensors", "seqgpu", headers[i].name, &headers[i].want);
  }
}

/* Files that are too short to be anything, or begin like something else. */
static void test_beginnings(void) {
  static const struct {
    const char *name, *format, *bytes;
    size_t size;
    outcome want;
  } rows[] = {
      {"three bytes", NULL, "PK\3", 3, REFUSE(EFORMAT, "is of no format")},
      {"nine bytes", NULL, "\3\0\0\0\0\0\0\0{", 9, REFUSE(EFORMAT, "is of no format")},
      {"a header without a brace", NULL, "\3\0\0\0\0\0\0\0[1]", 11, REFUSE(EFORMAT, "is of no format")},
      {"a header that would be too long", NULL, "\3\0\0\0\0\0\0\1{ }", 11,
       REFUSE(EFORMAT, "is of no format")},
      {"no arrays", NULL, "\3\0\0\0\0\0\0\0{ }", 11, TAKE(0, 0, "")},
      {"nothing, by its name", "keras", "", 0, REFUSE(EFORMAT, "is too short")},
      {"a damaged archive", "keras", "PK\3\4 and more", 13, REFUSE(EFORMAT, "is no valid zip file")},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    write_bytes("b", rows[i].bytes, rows[i].size);
    check_file("b", rows[i].format, rows[i].name, &rows[i].want);
  }
  seqgpu_import *import = NULL;
  REFUSED(ctx, EIO, "cannot open", seqgpu_import_open(ctx, path_of("none"), "keras", &import));
}

int main(void) {
  check_start();
  snprintf(folder, sizeof folder, "/tmp/seqgpu-made-%ld", (long)getpid());
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  if (!CHECK(mkdir(folder, 0700) == 0 && seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context"))
    return check_finish();
  if (reads_json()) test_texts();
  test_lists();
  test_long_names();
  test_headers();
  test_beginnings();
  seqgpu_context_destroy(ctx);
  CHECK(rmdir(folder) == 0, "nothing is left behind");
  return check_finish();
}
