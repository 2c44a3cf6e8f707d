/* test_onnx_made.c - small ONNX graphs, each with one thing that decides whether a node is a cell of ours,
 * which nodes are layers of one network, and what its weights and states are (host/formats/onnx.h).
 *
 * A row is a graph in the language of onnx_made.h, and what must come of it.  Real files are in test_onnx.c.
 */
#define _XOPEN_SOURCE 700
#include <unistd.h>

#include "host/formats/describe.h"
#include "tests/failing.h"
#include "tests/foreign.h"
#include "tests/onnx_made.h"
#include "tests/refused.h"

/* x [T,B,I] = [3,2,1], and the weights of an RNN, an LSTM and a GRU of one unit. */
#define X    "X x 3,2,1;"
#define RNN  "F W 1,1,1;F R 1,1,1;"
#define LSTM "F W 1,4,1;F R 1,4,1;"
#define GRU  "F W 1,3,1;F R 1,3,1;"
#define BOTH "F W 2,1,1;F R 2,1,1;"
/* Two layers of RNN with `between` from y to z. */
#define STACK(first, between, second)                                                                        \
  X RNN "RNN x,W,R > y " first ";" between ";RNN z,W,R > y2 " second ";O y2"
#define SQUEEZED "I one list 1;Squeeze y,one > z"

static const struct row {
  const char *name, *graph;
  seqgpu_status status;
  int nets, left;
  const char *word; /* in the sentence, in the description of the first network, or in what is left */
} rows[] = {
    {"an RNN", X RNN "RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn input_size=1 hidden_size=1 num_layers=1"},
    {"in its domain's name", X RNN "RNN@ai.onnx x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"of another domain", X RNN "RNN@a.b x,W,R > y", SEQGPU_EUNSUPPORTED, 0, 0, "no RNN, LSTM or GRU"},
    {"with a long name",
     X RNN "RNN x,W,R > y #nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
     SEQGPU_OK, 1, 0, "cell=rnn"},
    {"without a name and an output", X RNN "RNN x,W,R > -", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"graphs inside", X RNN "RNN x,W,R > y;Loop y > z body=G", SEQGPU_OK, 1, 1, "with the graph inside it"},
    {"an initialiser and a node's output", X RNN "F y 1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0,
     "\"y\" is defined twice"},
    {"two inputs", X X RNN "RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0, "\"x\" is defined twice"},
    {"a default of an input", X RNN "X W 1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    /* options */
    {"direction is two words", X RNN "RNN x,W,R > y direction=Sforward,reverse", SEQGPU_EFORMAT, 0, 0,
     "direction is \"forward\""},
    {"direction is forward", X RNN "RNN x,W,R > y direction=sforward", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"direction is reverse", X RNN "RNN x,W,R > y direction=sreverse", SEQGPU_OK, 1, 0, "reverse=1"},
    {"clip is two numbers", X RNN "RNN x,W,R > y clip=L1,2", SEQGPU_EFORMAT, 0, 0, "clip must be one number"},
    {"linear_before_reset below 0", X GRU "GRU x,W,R > y linear_before_reset=i-1", SEQGPU_EFORMAT, 0, 0,
     "linear_before_reset is -1"},
    {"linear_before_reset", X GRU "GRU x,W,R > y linear_before_reset=i1", SEQGPU_OK, 1, 0, "reset_after=1"},
    {"input_forget below 0", X LSTM "LSTM x,W,R > y input_forget=i-1", SEQGPU_EFORMAT, 0, 0,
     "input_forget is -1"},
    {"input_forget", X LSTM "LSTM x,W,R > y input_forget=i1", SEQGPU_OK, 1, 0, "coupled=1"},
    /* activations */
    {"Relu", X RNN "RNN x,W,R > y activations=SRelu", SEQGPU_OK, 1, 0, "activation=relu"},
    {"Sigmoid, in small letters", X RNN "RNN x,W,R > y activations=Ssigmoid", SEQGPU_OK, 1, 0,
     "activation=sigmoid"},
    {"ScaledTanh of 1", X RNN "RNN x,W,R > y activations=SScaledTanh activation_beta=f2", SEQGPU_OK, 1, 0,
     "cell=rnn"},
    {"ScaledTanh of 2", X RNN "RNN x,W,R > y activations=SScaledTanh activation_alpha=f2",
     SEQGPU_EUNSUPPORTED, 0, 0, "ScaledTanh (alpha 2, beta 1)"},
    {"LeakyRelu of 0", X RNN "RNN x,W,R > y activations=SLeakyRelu activation_alpha=K0", SEQGPU_OK, 1, 0,
     "activation=relu"},
    {"LeakyRelu of 1", X RNN "RNN x,W,R > y activations=SLeakyRelu activation_alpha=L1", SEQGPU_OK, 1, 0,
     "activation=identity"},
    {"LeakyRelu of its own", X RNN "RNN x,W,R > y activations=SLeakyRelu", SEQGPU_EUNSUPPORTED, 0, 0,
     "LeakyRelu (alpha 0.01)"},
    {"ThresholdedRelu of 0", X RNN "RNN x,W,R > y activations=SThresholdedRelu activation_alpha=f0",
     SEQGPU_OK, 1, 0, "activation=relu"},
    {"ThresholdedRelu of its own", X RNN "RNN x,W,R > y activations=SThresholdedRelu", SEQGPU_EUNSUPPORTED, 0,
     0, "ThresholdedRelu (alpha 1)"},
    {"Affine", X RNN "RNN x,W,R > y activations=SAffine activation_alpha=f2 activation_beta=f3", SEQGPU_OK, 1,
     0, "activation=identity"},
    {"more numbers than functions", X RNN "RNN x,W,R > y activation_alpha=K1,2,3,4,5,6,7", SEQGPU_EFORMAT, 0,
     0, "activations must name 1 functions"},
    {"more second numbers", X RNN "RNN x,W,R > y activation_beta=L1,2,3,4,5,6,7", SEQGPU_EFORMAT, 0, 0,
     "activations must name 1 functions"},
    {"numbers of another kind", X RNN "RNN x,W,R > y activation_alpha=i1", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"numbers twice", X RNN "RNN x,W,R > y activation_alpha=f1 activation_alpha=f1", SEQGPU_EFORMAT, 0, 0,
     "activations must name 1 functions"},
    {"names as numbers", X RNN "RNN x,W,R > y activations=i3", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"an infinite number", X RNN "RNN x,W,R > y activations=SElu activation_alpha=finf", SEQGPU_EFORMAT, 0, 0,
     "must be finite"},
    {"an infinite second number", X RNN "RNN x,W,R > y activations=SAffine activation_beta=finf",
     SEQGPU_EFORMAT, 0, 0, "must be finite"},
    {"directions of two functions", X BOTH "RNN x,W,R > y direction=sbidirectional activations=STanh,Relu",
     SEQGPU_EUNSUPPORTED, 0, 0, "of the two directions differ"},
    {"directions of two scales",
     X BOTH "RNN x,W,R > y direction=sbidirectional activations=SAffine,Affine activation_alpha=L1,2",
     SEQGPU_EUNSUPPORTED, 0, 0, "of the two directions differ"},
    {"directions of two shifts",
     X BOTH "RNN x,W,R > y direction=sbidirectional activations=SAffine,Affine activation_beta=L1,2",
     SEQGPU_EUNSUPPORTED, 0, 0, "of the two directions differ"},
    {"a GRU of Tanh alone", X GRU "GRU x,W,R > y activations=STanh,Tanh", SEQGPU_EUNSUPPORTED, 0, 0,
     "activation f is Tanh"},
    {"a GRU of Sigmoid alone", X GRU "GRU x,W,R > y activations=SSigmoid,Sigmoid", SEQGPU_EUNSUPPORTED, 0, 0,
     "activation g is Sigmoid"},
    {"an LSTM whose state is scaled",
     X LSTM "LSTM x,W,R > y activations=SSigmoid,Tanh,ScaledTanh activation_beta=f2", SEQGPU_EUNSUPPORTED, 0,
     0, "activation h is ScaledTanh"},
    {"an LSTM whose input is scaled",
     X LSTM "LSTM x,W,R > y activations=SSigmoid,ScaledTanh,Tanh activation_beta=f2", SEQGPU_OK, 1, 0,
     "cell=lstm"},
    /* sizes */
    {"W of two dimensions", X "F W 1,1;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0,
     "R must be [directions"},
    {"R of two dimensions", X "F W 1,1,1;F R 1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0,
     "R must be [directions"},
    {"no inputs", X "F W 1,1,0;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0, "R must be [directions"},
    {"no units", X "F W 1,0,1;F R 1,0,0;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0, "R must be [directions"},
    {"no R", X "F W 1,1,1;RNN x,W > y", SEQGPU_EFORMAT, 0, 0, "has no input R"},
    {"R that is computed", X "F W 1,1,1;Tanh W > R;RNN x,W,R > y", SEQGPU_EUNSUPPORTED, 0, 0,
     "R is computed"},
    {"B that is computed", X RNN "Tanh W > B;RNN x,W,R,B > y", SEQGPU_EUNSUPPORTED, 0, 0, "B is computed"},
    {"B of another size", X RNN "F B 1,3;RNN x,W,R,B > y", SEQGPU_EFORMAT, 0, 0,
     "B does not have the dimensions [1, 2]"},
    {"B of three dimensions", X RNN "F B 1,2,1;RNN x,W,R,B > y", SEQGPU_EFORMAT, 0, 0,
     "B does not have the dim"},
    {"P that is computed", X LSTM "Tanh W > P;LSTM x,W,R,-,-,-,-,P > y", SEQGPU_EUNSUPPORTED, 0, 0,
     "P is computed"},
    {"P of another size", X LSTM "F P 1,4;LSTM x,W,R,-,-,-,-,P > y", SEQGPU_EFORMAT, 0, 0,
     "P does not have the dim"},
    {"P", X LSTM "F P 1,3;LSTM x,W,R,-,-,-,-,P > y", SEQGPU_OK, 1, 0, "peephole=1"},
    {"P of a coupled LSTM", X LSTM "F P 1,3;LSTM x,W,R,-,-,-,-,P > y input_forget=i1", SEQGPU_OK, 1, 0,
     "coupled=1"},
    {"a weight behind Identity", X "F w 1,1,1;F R 1,1,1;Identity w > W;RNN x,W,R > y", SEQGPU_OK, 1, 0,
     "cell=rnn"},
    {"a weight in a node", X "F R 1,1,1;Constant - > W value=z1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0,
     "cell=rnn"},
    {"a node without a value", X "F R 1,1,1;Constant - > W;RNN x,W,R > y", SEQGPU_EUNSUPPORTED, 0, 0,
     "W is computed"},
    {"a node of a number", X "F R 1,1,1;Constant - > W value=f3;RNN x,W,R > y", SEQGPU_EUNSUPPORTED, 0, 0,
     "W is computed"},
    {"a weight that is an input", X "F R 1,1,1;X W 1,1,1;RNN x,W,R > y", SEQGPU_EUNSUPPORTED, 0, 0,
     "W is computed"},
    /* x */
    {"no x", RNN "RNN -,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"an x that is a constant", "F x 3,2,1;" RNN "RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"an x of four dimensions", "X x 3,2,1,1;" RNN "RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"an x of two dimensions", "X x 3,2;" RNN "RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"an x of names", "X x 0,0,1;" RNN "RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"an x without end", "X x 1e12,2,1;" RNN "RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    /* numbers */
    {"doubles", X "T W 11 1,1,1 raw 2;F R 1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"a list of doubles", X "T W 11 1,1,1 doubles 2;F R 1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"a list of floats", X "T W 1 1,1,1 list 2;F R 1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"a packed list of floats", X "T W 1 1,1,1 packed 2;F R 1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0,
     "cell=rnn"},
    {"halves", X "T W 10 1,1,1 list 15360;F R 1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"packed halves", X "T W 10 1,1,1 packed 15360;F R 1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"packed bfloat16", X "T W 16 1,1,1 packed 16256;F R 1,1,1;RNN x,W,R > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"a longer list", X "T W 1 1,1,1 list 2,3;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0,
     "not have as many"},
    {"a longer packed list", X "T W 10 1,1,1 packed 2,3;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0,
     "not have as many"},
    {"no list", X "T W 1 1,1,1 none 0;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0, "not have as many"},
    {"half a number", X "T W 11 1,1,1 packed 2;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0,
     "not have as many"},
    /* fields that are not what they should be */
    {"a type beyond all", X "H W 080108010801108080808008;F R 1,1,1;RNN x,W,R > y", SEQGPU_EUNSUPPORTED, 0, 0,
     "of type 0"},
    {"dimensions cut off", X "H W 0a01801001;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0, "is damaged"},
    {"three bytes of a number", X "H W 08010801080110014a03000000;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT, 0,
     0, "not have as many"},
    {"raw numbers that are no bytes", X "H W 080108010801100148014a0400002040;F R 1,1,1;RNN x,W,R > y",
     SEQGPU_OK, 1, 0, "cell=rnn"},
    {"a place that is no number", X "H W 080108010801100172004a0400002040;F R 1,1,1;RNN x,W,R > y", SEQGPU_OK,
     1, 0, "cell=rnn"},
    {"a number without end", X RNN "RNN x,W,R > y;G ffffffffffffffffffffff01", SEQGPU_EFORMAT, 0, 0,
     "its graph is damaged"},
    {"a number of eleven bytes", X RNN "RNN x,W,R > y;G ffffffffffffffffff8101", SEQGPU_EFORMAT, 0, 0,
     "its graph is damaged"},
    {"a file's name that is no text", X "H W 080108010801100168017001;F R 1,1,1;RNN x,W,R > y",
     SEQGPU_EFORMAT, 0, 0, "names no file"},
    {"an empty offset", X "H W 080108010801100170016a0a0a066f66667365741200;F R 1,1,1;RNN x,W,R > y",
     SEQGPU_EFORMAT, 0, 0, "bad offset"},
    {"an attribute that is no message", X RNN "RNN x,W,R > y;Loop y > z !2801", SEQGPU_OK, 1, 1, "Loop"},
    {"an initialiser without a name", X RNN "H - 0801;RNN x,W,R > y", SEQGPU_EFORMAT, 0, 0,
     "an initialiser has no name"},
    {"more units than there may be", X "F W 1,1,1;T R 1 1,1,1073741824 list 0;RNN x,W,R > y", SEQGPU_EFORMAT,
     0, 0, "R must be"},
    {"more inputs than there may be", X "T W 1 1,1,2147483648 list 0;F R 1,1,1;RNN x,W,R > y", SEQGPU_EFORMAT,
     0, 0, "R must be"},
    {"a weight that is itself", X "F R 1,1,1;Identity a > b;Identity b > a;RNN x,a,R > y",
     SEQGPU_EUNSUPPORTED, 0, 0, "W is computed"},
    /* layers */
    {"two layers", STACK("", SQUEEZED, ""), SEQGPU_OK, 1, 0, "num_layers=2"},
    {"axes packed", STACK("", "Squeeze y > z axes=J1", ""), SEQGPU_OK, 1, 0, "num_layers=2"},
    {"axes in packed numbers", STACK("", "I one packed 1;Squeeze y,one > z", ""), SEQGPU_OK, 1, 0,
     "num_layers=2"},
    {"axes in raw numbers", STACK("", "I one raw 1;Squeeze y,one > z", ""), SEQGPU_OK, 1, 0, "num_layers=2"},
    {"axes twice", STACK("", "Squeeze y > z axes=I1 axes=I1", ""), SEQGPU_OK, 2, 1, "Squeeze"},
    {"axes of another kind", STACK("", "Squeeze y > z axes=f1", ""), SEQGPU_OK, 2, 1, "Squeeze"},
    {"axes in another file", STACK("", "H one 080110077001;Squeeze y,one > z", ""), SEQGPU_OK, 2, 1,
     "Squeeze"},
    {"more axes than dimensions", STACK("", "H one 0801100738013801380138013801;Squeeze y,one > z", ""),
     SEQGPU_OK, 2, 1, "Squeeze"},
    {"more packed axes than dimensions", STACK("", "H one 080110073a050101010101;Squeeze y,one > z", ""),
     SEQGPU_OK, 2, 1, "Squeeze"},
    {"axes listed and raw", STACK("", "H one 0801100738014a080200000000000000;Squeeze y,one > z", ""),
     SEQGPU_OK, 1, 0, "num_layers=2"},
    {"layers in a circle",
     RNN "RNN z,W,R > y;I one list 1;Squeeze y,one > q;RNN q,W,R > y2;Squeeze y2,one > z", SEQGPU_OK, 1, 0,
     "num_layers=2"},
    {"two axes", STACK("", "Squeeze y > z axes=I1,3", ""), SEQGPU_OK, 2, 1, "Squeeze"},
    {"three axes", STACK("", "Squeeze y > z axes=I1,2,3", ""), SEQGPU_OK, 2, 1, "Squeeze"},
    {"three packed axes", STACK("", "Squeeze y > z axes=J1,2,3", ""), SEQGPU_OK, 2, 1, "Squeeze"},
    {"three axes in numbers", STACK("", "I one list 1,2,3;Squeeze y,one > z", ""), SEQGPU_OK, 2, 1,
     "Squeeze"},
    {"axes that are given", STACK("", "X one 1;Squeeze y,one > z", ""), SEQGPU_OK, 2, 1, "Squeeze"},
    {"axes of floats", STACK("", "F one 1;Squeeze y,one > z", ""), SEQGPU_OK, 2, 1, "Squeeze"},
    {"no axes at all", STACK("", "Squeeze y > z", ""), SEQGPU_OK, 2, 1, "Squeeze"},
    {"nothing between", STACK("", "Tanh y > z", ""), SEQGPU_OK, 2, 1, "Tanh"},
    {"eight nodes between",
     STACK("",
           "Identity y > a;Identity a > b;Identity b > c;Identity c > d;Identity d > e;Identity e > f;"
           "Identity f > g;I one list 1;Squeeze g,one > z",
           ""),
     SEQGPU_OK, 1, 0, "num_layers=2"},
    {"nine nodes between",
     STACK("",
           "Identity y > a;Identity a > b;Identity b > c;Identity c > d;Identity d > e;Identity e > f;"
           "Identity f > g;Identity g > h;I one list 1;Squeeze h,one > z",
           ""),
     SEQGPU_OK, 2, 9, "Squeeze"},
    {"squeezed twice", STACK("", "I one list 1;Squeeze y,one > a;Squeeze a,one > z", ""), SEQGPU_OK, 2, 1,
     "Squeeze"},
    {"turned, then squeezed", STACK("", "Transpose y > a perm=I0,2,1,3;I one list 1;Squeeze a,one > z", ""),
     SEQGPU_OK, 2, 2, "Squeeze"},
    {"turned, then summed", STACK("", "Transpose y > a perm=I0,2,1,3;I one list 1;ReduceSum a,one > z", ""),
     SEQGPU_OK, 2, 2, "ReduceSum"},
    {"summed, of one direction", STACK("", "I one list 1;ReduceSum y,one > z keepdims=i0", ""), SEQGPU_OK, 2,
     1, "ReduceSum"},
    {"flattened to another width",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 0,-1,5;Reshape a,flat > z", ""), SEQGPU_OK, 2, 2,
     "Reshape"},
    {"turned and flattened",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 0,0,-1;Reshape a,flat > z", ""), SEQGPU_OK, 1, 0,
     "num_layers=2"},
    {"turned another way",
     STACK("", "Transpose y > a perm=I1,0,2,3;I flat list 0,0,-1;Reshape a,flat > z", ""), SEQGPU_OK, 2, 2,
     "Transpose"},
    {"turned twice",
     STACK(
         "",
         "Transpose y > a perm=I0,2,1,3;Transpose a > b perm=I0,2,1,3;I flat list 0,0,-1;Reshape b,flat > z",
         ""),
     SEQGPU_OK, 2, 3, "Transpose"},
    {"turned by no order", STACK("", "Transpose y > a;I flat list 0,0,-1;Reshape a,flat > z", ""), SEQGPU_OK,
     2, 2, "Transpose"},
    {"flattened at once", STACK("", "I flat list 0,0,-1;Reshape y,flat > z", ""), SEQGPU_OK, 2, 1, "Reshape"},
    {"flattened to a width",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 0,0,1;Reshape a,flat > z", ""), SEQGPU_OK, 1, 0,
     "num_layers=2"},
    {"flattened to another width",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 0,0,7;Reshape a,flat > z", ""), SEQGPU_OK, 2, 2,
     "Reshape"},
    {"flattened, the steps from the rest",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list -1,0,1;Reshape a,flat > z", ""), SEQGPU_OK, 1, 0,
     "num_layers=2"},
    {"flattened, sequences from the rest",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 0,-1,1;Reshape a,flat > z", ""), SEQGPU_OK, 1, 0,
     "num_layers=2"},
    {"flattened to numbers of steps",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 3,2,1;Reshape a,flat > z", ""), SEQGPU_OK, 2, 2,
     "Reshape"},
    {"flattened to a number of sequences",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 0,2,1;Reshape a,flat > z", ""), SEQGPU_OK, 2, 2,
     "Reshape"},
    {"flattened to a number and the rest",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list -1,2,1;Reshape a,flat > z", ""), SEQGPU_OK, 2, 2,
     "Reshape"},
    {"flattened to two dimensions",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 0,-1;Reshape a,flat > z", ""), SEQGPU_OK, 2, 2,
     "Reshape"},
    {"zeros that are zeros",
     STACK("", "Transpose y > a perm=I0,2,1,3;I flat list 0,0,-1;Reshape a,flat > z allowzero=i1", ""),
     SEQGPU_OK, 2, 2, "Reshape"},
    {"layout 1", STACK("layout=i1", "I flat list 0,0,-1;Reshape y,flat > z", "layout=i1"), SEQGPU_OK, 1, 0,
     "num_layers=2"},
    {"layout 1, turned",
     STACK("layout=i1", "Transpose y > a perm=I0,2,1,3;I flat list 0,0,-1;Reshape a,flat > z", "layout=i1"),
     SEQGPU_OK, 2, 2, "Transpose"},
    {"layout 1 of one", STACK("layout=i1", "I flat list 0,0,-1;Reshape y,flat > z", ""), SEQGPU_OK, 2, 0,
     "cell=rnn"},
    {"one backwards", STACK("direction=sreverse", SQUEEZED, ""), SEQGPU_OK, 2, 0, "cell=rnn"},
    {"two functions", STACK("activations=SRelu", SQUEEZED, ""), SEQGPU_OK, 2, 0, "activation=relu"},
    {"Y_h of the first", X RNN "RNN x,W,R > -,y;I one list 0;Squeeze y,one > z;RNN z,W,R > y2", SEQGPU_OK, 2,
     1, "Squeeze"},
    {"a first one that is none of ours",
     X RNN "RNN x,W,R > y activations=SSoftsign;" SQUEEZED ";RNN z,W,R > y2", SEQGPU_OK, 1, 2, "Softsign"},
    {"a sum of one that is none of ours",
     X BOTH "F V 1,1,1;F S 1,1,1;RNN x,W,R > y direction=sbidirectional activations=SSoftsign,Softsign;"
            "I one list 1;ReduceSum y,one > z keepdims=i0;RNN z,V,S > y2",
     SEQGPU_OK, 1, 2, "Softsign"},
    {"two cells", X RNN "F V 1,3,1;F S 1,3,1;RNN x,W,R > y;" SQUEEZED ";GRU z,V,S > y2", SEQGPU_OK, 2, 0,
     "cell=rnn"},
    {"two sizes", X RNN "F V 1,2,1;F S 1,2,2;RNN x,W,R > y;" SQUEEZED ";RNN z,V,S > y2", SEQGPU_OK, 2, 0,
     "cell=rnn"},
    {"one direction on two",
     X RNN "F V 2,1,1;F S 2,1,1;RNN x,W,R > y;" SQUEEZED ";RNN z,V,S > y2 direction=sbidirectional",
     SEQGPU_OK, 2, 0, "cell=rnn"},
    {"another width", X RNN "F V 1,1,2;F S 1,1,1;RNN x,W,R > y;" SQUEEZED ";RNN z,V,S > y2", SEQGPU_OK, 2, 0,
     "cell=rnn"},
    {"two forms of a GRU", X GRU "GRU x,W,R > y;" SQUEEZED ";GRU z,W,R > y2 linear_before_reset=i1",
     SEQGPU_OK, 2, 0, "cell=gru"},
    {"one LSTM coupled", X LSTM "LSTM x,W,R > y;" SQUEEZED ";LSTM z,W,R > y2 input_forget=i1", SEQGPU_OK, 2,
     0, "cell=lstm"},
    {"one LSTM with peepholes", X LSTM "F P 1,3;LSTM x,W,R > y;" SQUEEZED ";LSTM z,W,R,-,-,-,-,P > y2",
     SEQGPU_OK, 2, 0, "cell=lstm"},
    {"lengths of one", X RNN "X n 2;RNN x,W,R > y;" SQUEEZED ";RNN z,W,R,-,n > y2", SEQGPU_OK, 2, 0,
     "cell=rnn"},
    {"the sum of two directions",
     X BOTH "F V 2,1,1;F S 2,1,1;RNN x,W,R > y direction=sbidirectional;I one list 1;ReduceSum y,one > z "
            "keepdims=i0;"
            "RNN z,V,S > y2 direction=sbidirectional;ReduceSum y2,one > z2 keepdims=i0;O z2",
     SEQGPU_OK, 1, 0, "merge=1"},
    {"the sum of the first alone",
     X BOTH "RNN x,W,R > y direction=sbidirectional;I one list 1;ReduceSum y,one > z keepdims=i0;"
            "RNN z,W,R > y2 direction=sbidirectional;O y2",
     SEQGPU_OK, 2, 0, "merge=1"},
    {"a sum that is summed again",
     X BOTH "RNN x,W,R > y direction=sbidirectional;I one list 1;ReduceSum y,one > z keepdims=i0;"
            "ReduceSum z,one > z2 keepdims=i0;O z2",
     SEQGPU_OK, 1, 1, "ReduceSum"},
    {"a sum that keeps its axis",
     X BOTH "RNN x,W,R > y direction=sbidirectional;I one list 1;ReduceSum y,one > z;O z", SEQGPU_OK, 1, 1,
     "ReduceSum"},
    {"a sum over another axis",
     X BOTH "RNN x,W,R > y direction=sbidirectional;I one list 2;ReduceSum y,one > z keepdims=i0;O z",
     SEQGPU_OK, 1, 1, "ReduceSum"},
    {"a sum behind Identity",
     X BOTH
     "RNN x,W,R > y direction=sbidirectional;I one list 1;Identity y > a;ReduceSum a,one > z keepdims=i0;O z",
     SEQGPU_OK, 1, 2, "ReduceSum"},
    {"a sum that is flattened",
     X BOTH "RNN x,W,R > y direction=sbidirectional;I one list 1;ReduceSum y,one > z keepdims=i0;"
            "I flat list 0,0,-1;Reshape z,flat > z2;O z2",
     SEQGPU_OK, 1, 1, "Reshape"},
    {"directions that are squeezed",
     X BOTH "RNN x,W,R > y direction=sbidirectional;I one list 1;Squeeze y,one > z;O z", SEQGPU_OK, 1, 1,
     "Squeeze"},
    {"a sum of a constant", X RNN "RNN x,W,R > y;I one list 1;ReduceSum W,one > z;O z", SEQGPU_OK, 1, 1,
     "ReduceSum"},
    /* the batch first */
    {"x and y turned",
     X RNN "Transpose x > a perm=I1,0,2;RNN a,W,R > y;" SQUEEZED ";Transpose z > b perm=I1,0,2;O b",
     SEQGPU_OK, 1, 0, "batch_first=1"},
    {"y alone turned", X RNN "RNN x,W,R > y;" SQUEEZED ";Transpose z > b perm=I1,0,2;O b", SEQGPU_OK, 1, 1,
     "Transpose"},
    {"no x, and y turned", RNN "RNN -,W,R > y;" SQUEEZED ";Transpose z > b perm=I1,0,2;O b", SEQGPU_OK, 1, 1,
     "Transpose"},
    {"x made otherwise", X RNN "Tanh x > a;RNN a,W,R > y;" SQUEEZED ";Transpose z > b perm=I1,0,2;O b",
     SEQGPU_OK, 1, 2, "Tanh"},
    {"x turned for others, too",
     X RNN "Transpose x > a perm=I1,0,2;Tanh a > c;RNN a,W,R > y;" SQUEEZED
           ";Transpose z > b perm=I1,0,2;O b",
     SEQGPU_OK, 1, 3, "Tanh"},
    {"layout 1, and y turned",
     X RNN "Transpose x > a perm=I1,0,2;RNN a,W,R > y layout=i1;I flat list 0,0,-1;Reshape y,flat > z;"
           "Transpose z > b perm=I1,0,2;O b",
     SEQGPU_OK, 1, 2, "Transpose"},
    {"y turned before it has its form", X RNN "RNN x,W,R > y;Transpose y > b perm=I1,0,2;O b", SEQGPU_OK, 1,
     1, "Transpose"},
    {"something else turned", X RNN "RNN x,W,R > y;Transpose x > b perm=I1,0,2;O b", SEQGPU_OK, 1, 1,
     "Transpose"},
    /* states */
    {"a state", X RNN "F h 1,2,1 3;RNN x,W,R,-,-,h > y", SEQGPU_OK, 1, 0, "cell=rnn"},
    {"a state in a node", X RNN "Constant - > h value=z1,2,1;RNN x,W,R,-,-,h > y", SEQGPU_OK, 1, 0,
     "cell=rnn"},
    {"a state for other sequences", X RNN "F h 1,3,1 3;RNN x,W,R,-,-,h > y", SEQGPU_EFORMAT, 0, 0,
     "initial_h is for 3 sequences, and others are for 2"},
    {"states for different sequences", "X x 0,0,1;" LSTM "F h 1,2,1 3;F c 1,3,1 3;LSTM x,W,R,-,-,h,c > y",
     SEQGPU_EFORMAT, 0, 0, "initial_c is for 3 sequences, and others are for 2"},
    {"a state of two dimensions", X RNN "F h 1,2;RNN x,W,R,-,-,h > y", SEQGPU_EFORMAT, 0, 0,
     "dimensions of a state"},
    {"a state of two directions", X RNN "F h 2,2,1;RNN x,W,R,-,-,h > y", SEQGPU_EFORMAT, 0, 0,
     "dimensions of a state"},
    {"a state of another type", X RNN "I h list 1,2;RNN x,W,R,-,-,h > y", SEQGPU_EUNSUPPORTED, 0, 0,
     "of type 7"},
    {"a state with the batch first", X RNN "F h 3,1,1 3;RNN x,W,R,-,-,h > y layout=i1", SEQGPU_OK, 1, 0,
     "cell=rnn"},
    {"a state of any batch", X RNN "F h 1,1,1 3;Expand h,n > e;X n 3;RNN x,W,R,-,-,e > y", SEQGPU_OK, 1, 0,
     "cell=rnn"},
    {"one of a batch", X RNN "F h 1,2,1 3;Expand h,n > e;X n 3;RNN x,W,R,-,-,e > y", SEQGPU_EFORMAT, 0, 0,
     "dimensions of a state"},
    {"one with the batch first", X RNN "F h 1,1,1 3;Expand h,n > e;X n 3;RNN x,W,R,-,-,e > y layout=i1",
     SEQGPU_EFORMAT, 0, 0, "dimensions of a state"},
    {"one that is given", X RNN "X h 1,1,1;Expand h,n > e;X n 3;RNN x,W,R,-,-,e > y", SEQGPU_OK, 1, 1,
     "Expand"},
    {"one that is computed", X RNN "Tanh x > h;RNN x,W,R,-,-,h > y", SEQGPU_OK, 1, 1, "Tanh"},
    {"states of two layers",
     X RNN "F h 2,1,1 3;X n 3;Expand h,n > e;Split e > h0,h1;RNN x,W,R,-,-,h0 > y;" SQUEEZED
           ";RNN z,W,R,-,-,h1 > y2",
     SEQGPU_OK, 1, 0, "num_layers=2"},
    {"split along another axis",
     X RNN "F h 2,1,1 3;X n 3;Expand h,n > e;Split e > h0,h1 axis=i1;RNN x,W,R,-,-,h0 > y", SEQGPU_OK, 1, 2,
     "Split"},
    {"split into sizes",
     X RNN "F h 2,1,1 3;X n 3;Expand h,n > e;Split e > h0,h1 split=I1,1;RNN x,W,R,-,-,h0 > y", SEQGPU_OK, 1,
     2, "Split"},
    {"split into sizes that are an input",
     X RNN "F h 2,1,1 3;I s list 1,1;X n 3;Expand h,n > e;Split e,s > h0,h1;RNN x,W,R,-,-,h0 > y", SEQGPU_OK,
     1, 2, "Split"},
    {"a first state of the file, a second of the run",
     X RNN "F h 1,2,1 3;X g 1,2,1;RNN x,W,R,-,-,h > y;" SQUEEZED ";RNN z,W,R,-,-,g > y2", SEQGPU_OK, 2, 0,
     "cell=rnn"},
    {"two states of the run",
     X RNN "X g 1,2,1;X k 1,2,1;RNN x,W,R,-,-,g > y;" SQUEEZED ";RNN z,W,R,-,-,k > y2", SEQGPU_OK, 1, 0,
     "num_layers=2"},
    {"a first state of the run, a second of the file",
     X RNN "F h 1,2,1 3;X g 1,2,1;RNN x,W,R,-,-,g > y;" SQUEEZED ";RNN z,W,R,-,-,h > y2", SEQGPU_OK, 2, 0,
     "cell=rnn"},
};

static int mentions(seqgpu_context *ctx, const sq_foreign *out, const char *word) {
  char text[512] = "";
  if (out->net_count > 0) sq_describe(ctx, &out->nets[0].desc, text, sizeof text);
  return strstr(text, word) != NULL || foreign_left(out, word);
}

static void check_graph(seqgpu_context *ctx, const struct row *r) {
  sq_pb_out model = made_model(ctx, r->graph);
  sq_foreign out = {0};
  forget_error(ctx);
  const seqgpu_status status =
      sq_onnx_read_bytes(ctx, "model.onnx", (sq_bytes){model.data, model.size}, &out);
  if (r->status != SEQGPU_OK)
    refused(ctx, status, r->status, r->word, r->name);
  else if (!CHECK(status == SEQGPU_OK && out.net_count == r->nets && out.left_count == r->left &&
                      mentions(ctx, &out, r->word),
                  "%s: %d networks, %d things left, \"%s\"", r->name, r->nets, r->left, r->word)) {
    printf("# %s: %d, %d\n", seqgpu_last_error(ctx), out.net_count, out.left_count);
    for (int i = 0; i < out.left_count; i++) printf("#   %s\n", out.left[i]);
  }
  sq_foreign_free(ctx, &out);
  sq_host_free(ctx, model.data);
}

/* What a number of each kind is. */
static void check_numbers(seqgpu_context *ctx) {
  static const char *const weights[] = {"T W 11 1,1,1 raw 2.5",     "T W 11 1,1,1 doubles 2.5",
                                        "T W 1 1,1,1 list 2.5",     "T W 1 1,1,1 packed 2.5",
                                        "T W 10 1,1,1 list 16640",  "T W 10 1,1,1 packed 16640",
                                        "T W 16 1,1,1 packed 16416"};
  for (size_t i = 0; i < COUNT(weights); i++) {
    char graph[200];
    sq_foreign out = {0};
    snprintf(graph, sizeof graph, X "F R 1,1,1;%s;RNN x,W,R > y", weights[i]);
    sq_pb_out model = made_model(ctx, graph);
    CHECK(sq_onnx_read_bytes(ctx, "m", (sq_bytes){model.data, model.size}, &out) == SEQGPU_OK &&
              sq_foreign_param(&out.nets[0], "weight_ih", 0, 0)[0] == 2.5,
          "2.5 as %s", weights[i]);
    sq_foreign_free(ctx, &out);
    sq_host_free(ctx, model.data);
  }
}

/* Beginnings of files that are models, and that are not. */
static void check_beginnings(void) {
  static const struct {
    const char *name, *bytes, *path;
    size_t size;
    int is;
  } beginnings[] = {
      {"by its name", "", "a.onnx", 0, 1},
      {"by its name in capitals", "", "A.ONNX", 0, 1},
      {"a short name", "", "onnx", 0, 0},
      {"nothing", "", "a", 0, 0},
      {"a version and a producer", "\x08\x08\x12\0", "a", 4, 1},
      {"a version and a graph", "\x08\x08\x3a\x7f", "a", 4, 1},
      {"version 0", "\x08\0\x12\0", "a", 4, 0},
      {"version 1001", "\x08\xe9\7\x12\0", "a", 5, 0},
      {"a version alone", "\x08\x08", "a", 2, 0},
      {"a version and another field", "\x08\x08\x0a\0", "a", 4, 0},
      {"another field", "\x10\x08\x12\0", "a", 4, 0},
      {"a version in four bytes", "\x0d\1\0\0\0\x12\0", "a", 7, 0},
  };
  for (size_t i = 0; i < COUNT(beginnings); i++)
    CHECK(sq_format_onnx.recognises((const unsigned char *)beginnings[i].bytes, beginnings[i].size,
                                    beginnings[i].path) == beginnings[i].is,
          "recognised: %s", beginnings[i].name);
}

/* Graphs that are only large: refused before memory is asked for. */
static void check_large(seqgpu_context *ctx) {
  static const struct {
    const char *name;
    int64_t nodes, fields, initialisers;
    int field;
  } large[] = {{"nodes", 1000001, 0, 0, 0},
               {"inputs", 1, 4000001, 0, NODE_INPUT},
               {"outputs", 1, 4000001, 0, NODE_OUTPUT},
               {"initialisers", 0, 0, 4000001, 0}};
  for (size_t i = 0; i < COUNT(large); i++) {
    sq_pb_out out = {.ctx = ctx};
    sq_foreign foreign = {0};
    const size_t graph = sq_pb_begin(&out, MODEL_GRAPH);
    for (int64_t n = 0; n < large[i].nodes; n++) {
      const size_t node = sq_pb_begin(&out, GRAPH_NODE);
      for (int64_t k = 0; k < large[i].fields; k++) sq_pb_put_text(&out, large[i].field, "");
      sq_pb_end(&out, node);
    }
    for (int64_t n = 0; n < large[i].initialisers; n++) sq_pb_put_text(&out, GRAPH_INITIALIZER, "");
    sq_pb_end(&out, graph);
    forget_error(ctx);
    refused(ctx, sq_onnx_read_bytes(ctx, "m", (sq_bytes){out.data, out.size}, &foreign), SEQGPU_EUNSUPPORTED,
            "too large; it must have at most", large[i].name);
    sq_foreign_free(ctx, &foreign);
    sq_host_free(ctx, out.data);
  }
}

/* Everything that takes memory: names that are left, options with parameters of their own, states. */
static const char *const remembered[] = {
    X RNN "RNN x,W,R > y activations=SSoftsign;X n 2;RNN x,W,R,-,n > y2;Tanh y2 > z;F s 1",
    X RNN "I n list 3,3;RNN x,W,R,-,n > y2;G 7a00;M ca0100a20100", /* sparse, a function, training */
    X LSTM "F P 1,3;F h 1,2,1 3;F c 1,2,1 3;LSTM x,W,R,-,-,h,c,P > y",
    X GRU "F h 1,1,1 3;X n 3;Expand h,n > e;GRU x,W,R,-,-,e > y linear_before_reset=i1",
};
static const char *present;

static seqgpu_status read_present(seqgpu_context *c) {
  seqgpu_context *plain = net_context("cpu", SEQGPU_DTYPE_F32, 1);
  sq_pb_out model = made_model(plain, present);
  sq_foreign out = {0};
  const seqgpu_status status = sq_onnx_read_bytes(c, "m", (sq_bytes){model.data, model.size}, &out);
  sq_foreign_free(c, &out);
  sq_host_free(plain, model.data);
  seqgpu_context_destroy(plain);
  return status;
}

/* A message whose length finds no room: what is written is marked as failed, and nothing follows. */
static void check_full(void) {
  enum { ROOM = 256, KEY = 1 };
  failing memory = {.fail_at = -1};
  const seqgpu_allocator allocator = {failing_allocate, failing_release, &memory};
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .allocator = &allocator};
  seqgpu_context *ctx = NULL;
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context that counts")) return;
  sq_pb_out out = {.ctx = ctx};
  const size_t graph = sq_pb_begin(&out, MODEL_GRAPH);
  memset(sq_pb_extend(&out, ROOM - KEY), 0, ROOM - KEY);
  memory.fail_at = memory.requests;
  sq_pb_end(&out, graph);
  CHECK(out.failed && out.size == ROOM, "no room for the length of a message");
  sq_pb_put_number(&out, MODEL_IR_VERSION, 8);
  CHECK(out.failed && out.size == ROOM, "nothing follows");
  sq_host_free(ctx, out.data);
  seqgpu_context_destroy(ctx);
  CHECK(memory.live == 0, "nothing leaks");
}

int main(void) {
  check_start();
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  for (size_t i = 0; i < COUNT(rows); i++) check_graph(ctx, &rows[i]);
  check_numbers(ctx);
  check_beginnings();
  check_large(ctx);
  check_full();
  for (size_t i = 0; i < COUNT(remembered); i++) {
    present = remembered[i];
    failing_each("cpu", read_present, 0);
  }
  seqgpu_context_destroy(ctx);
  return check_finish();
}
