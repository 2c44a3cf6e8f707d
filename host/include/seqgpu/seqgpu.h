/** @file
 * seqgpu/seqgpu.h - all of libseqgpu: recurrent sequence models on the CPU and on NVIDIA GPUs.
 *
 * Where to begin
 *
 *   base.h         contexts, errors, memory, and the rules that hold everywhere.  Read it first.
 *   rnn.h          recurrent networks over whole sequences: descriptor, plan, forward, backward
 *   ops.h          the operators around them: linear, embedding, losses, dropout
 *   params.h       named parameters: initial values, optimisers, clipping
 *   schedule.h     learning rate and momentum over the updates of a run
 *   comm.h         processes that train one model together
 *   tape.h         models as formulas, differentiated in reverse and forward
 *   hessian_free.h Hessian-free optimisation of models on a tape
 *   checkpoint.h   models in .safetensors files
 *   dlpack.h       tensors without a copy between this library and others
 *   exchange.h     networks from the files of other programs, and into them
 *   npy.h          NumPy's .npy and .npz files
 *   esn.h          echo state networks
 *   ridge.h        ridge regression, for read-outs
 *   tagger.h       a model: a class for each word of a sentence
 *   classifier.h   a model: a class for a sentence
 *   composer.h     a model: polyphonic music
 *   drawer.h       a model: pen strokes
 *   translator.h   a model: a sequence for a sequence
 *   captioner.h    a model: what is in a picture
 *   transcriber.h  a model: speech to text, and labels from the logits of CTC
 *   watcher.h      a model: video, a class for each frame and for a clip
 *   speaker.h      a model: text to speech
 *   writer.h       a model: text to pen strokes
 *
 * There are three ways to use the library, each without the next:
 *
 *   1. On your own buffers, inside a loop of your own: base.h and rnn.h.  A descriptor says what to compute,
 *      a plan chooses an algorithm for the device, and forward and backward run on your memory and your CUDA
 *      stream.
 *   2. To train models: params.h and tape.h on top.  A model is written like the formulas it stands for; one
 *      call is a training step.
 *   3. From a shell: the program `seqgpu` is made of the same calls.
 *
 * A first program, an LSTM that learns a sentence, is host/examples/train.c; host/examples/stream.c runs a
 * GRU over a stream without an allocation in its loop.
 */
#ifndef SEQGPU_SEQGPU_H
#define SEQGPU_SEQGPU_H

#include "base.h"
#include "captioner.h"
#include "checkpoint.h"
#include "classifier.h"
#include "comm.h"
#include "composer.h"
#include "dlpack.h"
#include "drawer.h"
#include "esn.h"
#include "exchange.h"
#include "hessian_free.h"
#include "npy.h"
#include "ops.h"
#include "params.h"
#include "ridge.h"
#include "rnn.h"
#include "schedule.h"
#include "speaker.h"
#include "tagger.h"
#include "tape.h"
#include "transcriber.h"
#include "translator.h"
#include "watcher.h"
#include "writer.h"

#endif
