/* streams.cpp - the stand-in for the CUDA runtime: streams, their recording, graphs and events.
 *
 * What is enqueued lies in its stream until somebody waits for it; a coin, tossed at each call that enqueues,
 * lets some or all of it run at once.  So a host that relies on more than the documented order is seen.
 *
 * The default stream is the legacy one: what is enqueued there waits for all blocking streams, and theirs for
 * it.  Each waits by running the others' work first, so that work lies either there or in blocking streams.
 *
 * A recorded stream collects work for a graph.  A call that must not be made meanwhile makes the recording
 * invalid, and it fails at its end once more.
 */
#include "tests/soft/runtime.h"

#include <stdio.h>

#include <chrono>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

struct CUgraph_st {
  std::shared_ptr<std::vector<soft::Work>> work;
};
struct CUgraphExec_st {
  std::shared_ptr<const std::vector<soft::Work>> work;
};
/* One recording of an event, which outlives the event while somebody waits for it. */
struct Mark {
  bool reached = false;
  cudaStream_t stream = NULL;
  std::chrono::steady_clock::time_point time;
};
struct CUevent_st {
  bool timed = true;
  std::shared_ptr<Mark> mark; /* the last recording; NULL: there is none */
};
struct CUstream_st {
  int device = 0;
  bool blocking = false;
  std::deque<soft::Work> queue;
  std::shared_ptr<std::vector<soft::Work>> recording; /* NULL: work is enqueued */
  bool invalid = false;                               /* the recording */
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id recorder;
};

namespace soft {

namespace {

/* Objects that the host knows by their addresses.  Dead ones keep theirs, so that a dead handle never becomes
 * another's. */
template <class T> class Handles {
public:
  explicit Handles(const char *what) : what_(what) {}
  T *make() {
    T *object = new T();
    alive_.insert(object);
    return object;
  }
  void end(T *object) {
    alive_.erase(object);
    *object = T();
    dead_.insert(object);
  }
  void check(T *object) const {
    if (alive_.count(object) != 0) return;
    const char *why = dead_.count(object) != 0 ? "was destroyed" : "was never made";
    refuse(cudaErrorInvalidResourceHandle, "%s %p %s", what_, static_cast<void *>(object), why);
  }
  unsigned report() const {
    if (!alive_.empty()) fprintf(stderr, "soft: leak: %zu of kind %s not destroyed\n", alive_.size(), what_);
    return (unsigned)alive_.size();
  }
  void end_all() {
    while (!alive_.empty()) end(*alive_.begin());
  }
  const std::set<T *> &alive() const { return alive_; }

private:
  const char *what_;
  std::set<T *> alive_, dead_;
};

struct Objects {
  Handles<CUstream_st> streams{"stream"};
  Handles<CUgraph_st> graphs{"graph"};
  Handles<CUgraphExec_st> executables{"graph executable"};
  Handles<CUevent_st> events{"event"};
  CUstream_st legacy;
};
Objects &objects() {
  static Objects *all = new Objects();
  return *all;
}

CUstream_st &stream_of(cudaStream_t stream) {
  return stream == NULL || stream == cudaStreamLegacy ? objects().legacy : *stream;
}
bool is_legacy(const CUstream_st &s) { return &s == &objects().legacy; }

/* ---- work ---- */

void run_first(CUstream_st &s) {
  const Work work = std::move(s.queue.front());
  s.queue.pop_front();
  work();
}
void run(CUstream_st &s) {
  while (!s.queue.empty()) run_first(s);
}

void run_blocking() {
  for (CUstream_st *s : objects().streams.alive())
    if (s->blocking) run(*s);
}

enum { LONGEST_QUEUE = 256 };

/* Half of the times nothing runs now, else some of it or all. */
void let_run(CUstream_st &s) {
  const unsigned side = chance(4);
  if (side == 3 || s.queue.size() > LONGEST_QUEUE) run(s);
  for (unsigned n = side == 2 ? chance((unsigned)s.queue.size() + 1) : 0; n > 0; n--) run_first(s);
}

/* ---- recording ---- */

/* A blocking stream that is recorded must not be waited for by the legacy one. */
void check_legacy() {
  for (CUstream_st *s : objects().streams.alive()) {
    if (!s->blocking || s->recording == NULL) continue;
    s->invalid = true;
    refuse(cudaErrorStreamCaptureImplicit,
           "the default stream would wait for a blocking stream that is recorded");
  }
}

void check_recording(const CUstream_st &s) {
  if (s.invalid)
    refuse(cudaErrorStreamCaptureInvalidated,
           "the recording of this stream is invalid since an earlier call");
}

/* Whether this thread may not make unsafe calls because of the recording of s. */
bool forbids(const CUstream_st &s) {
  if (s.recording == NULL || s.mode == cudaStreamCaptureModeRelaxed) return false;
  return s.mode == cudaStreamCaptureModeGlobal || s.recorder == std::this_thread::get_id();
}

} // namespace

void check_stream(cudaStream_t stream) {
  if (stream == cudaStreamPerThread)
    refuse(cudaErrorNotSupported, "the software device has no default stream for each thread");
  if (!is_legacy(stream_of(stream))) objects().streams.check(stream);
}

void check_current(cudaStream_t stream) {
  const CUstream_st &s = stream_of(stream);
  if (!is_legacy(s) && s.device != current_device)
    refuse(cudaErrorInvalidResourceHandle, "the stream is of device %d, and device %d is current", s.device,
           current_device);
}

bool is_recording(cudaStream_t stream) { return stream_of(stream).recording != NULL; }

void forbid_while_recording() {
  bool forbidden = false;
  for (CUstream_st *s : objects().streams.alive()) {
    if (!forbids(*s)) continue;
    s->invalid = forbidden = true;
  }
  if (forbidden)
    refuse(cudaErrorStreamCaptureUnsupported, "it must not be called while a stream is recorded");
}

void enqueue(cudaStream_t stream, const Work &work) {
  CUstream_st &s = stream_of(stream);
  if (s.recording != NULL) {
    check_recording(s);
    s.recording->push_back(work);
    return;
  }
  if (is_legacy(s)) {
    check_legacy();
    run_blocking();
  } else if (s.blocking) {
    run(objects().legacy);
  }
  s.queue.push_back(work);
  let_run(s);
}

void finish(cudaStream_t stream) {
  CUstream_st &s = stream_of(stream);
  if (s.recording != NULL) {
    s.invalid = true;
    refuse(cudaErrorStreamCaptureUnsupported, "a stream that is recorded cannot be waited for");
  }
  if (is_legacy(s)) {
    check_legacy();
    run_blocking();
  }
  run(s);
}

void finish_all() {
  run(objects().legacy);
  for (CUstream_st *s : objects().streams.alive()) run(*s);
}

void drop_all_work() {
  objects().legacy.queue.clear();
  for (CUstream_st *s : objects().streams.alive()) s->queue.clear();
}

unsigned report_streams_left() {
  const Objects &all = objects();
  return all.streams.report() + all.graphs.report() + all.executables.report() + all.events.report();
}

void forget_streams() {
  objects().streams.end_all();
  objects().graphs.end_all();
  objects().executables.end_all();
  objects().events.end_all();
}

namespace {

/* ---- streams ---- */

void begin_recording(cudaStream_t stream, cudaStreamCaptureMode mode) {
  check_stream(stream);
  CUstream_st &s = stream_of(stream);
  if (is_legacy(s)) refuse(cudaErrorStreamCaptureUnsupported, "the default stream cannot be recorded");
  if (s.recording != NULL) refuse(cudaErrorIllegalState, "the stream is recorded already");
  s.recording = std::make_shared<std::vector<Work>>();
  s.invalid = false;
  s.mode = mode;
  s.recorder = std::this_thread::get_id();
}

void end_recording(cudaStream_t stream, cudaGraph_t *graph) {
  check_stream(stream);
  if (graph == NULL) refuse(cudaErrorInvalidValue, "pGraph is NULL");
  *graph = NULL;
  CUstream_st &s = stream_of(stream);
  if (s.recording == NULL) refuse(cudaErrorIllegalState, "the stream is not recorded");
  if (s.mode == cudaStreamCaptureModeThreadLocal && s.recorder != std::this_thread::get_id())
    refuse(cudaErrorStreamCaptureWrongThread, "another thread began the recording");
  const auto work = std::move(s.recording);
  s.recording = NULL;
  if (s.invalid) {
    s.invalid = false;
    refuse(cudaErrorStreamCaptureInvalidated, "a call during the recording has made it invalid");
  }
  *graph = objects().graphs.make();
  (*graph)->work = work;
}

/* Returns at once; what is enqueued still runs. */
void destroy(cudaStream_t stream) {
  check_stream(stream);
  if (is_legacy(stream_of(stream))) refuse(cudaErrorInvalidResourceHandle, "the default stream stays");
  if (stream->recording != NULL) refuse(cudaErrorIllegalState, "the stream is being recorded");
  run(*stream);
  objects().streams.end(stream);
}

/* ---- graphs ---- */

void launch(cudaGraphExec_t executable, cudaStream_t stream) {
  objects().executables.check(executable);
  check_stream(stream);
  if (is_recording(stream)) {
    stream_of(stream).invalid = true;
    refuse(cudaErrorStreamCaptureUnsupported, "a graph cannot be launched into a stream that is recorded");
  }
  const auto all = executable->work;
  enqueue(stream, [all] {
    for (const Work &work : *all) work();
  });
}

/* ---- events ---- */

void record(cudaEvent_t event, cudaStream_t stream) {
  objects().events.check(event);
  check_stream(stream);
  if (is_recording(stream))
    refuse(cudaErrorNotSupported, "the software device records no events into graphs");
  const auto mark = std::make_shared<Mark>();
  event->mark = mark;
  mark->stream = stream;
  enqueue(stream, [mark] {
    mark->reached = true;
    mark->time = std::chrono::steady_clock::now();
  });
}

/* Waits for it; one that was never recorded is no reason to wait. */
void wait_for(cudaEvent_t event) {
  objects().events.check(event);
  forbid_while_recording();
  if (event->mark != NULL && !event->mark->reached) finish(event->mark->stream);
}

/* What comes next in the stream waits for the last recording so far; the host does not. */
void let_wait(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  objects().events.check(event);
  check_stream(stream);
  if (flags != 0) refuse(cudaErrorInvalidValue, "there are no flags %#x", flags);
  if (is_recording(stream))
    refuse(cudaErrorNotSupported, "the software device records no events into graphs");
  const auto mark = event->mark;
  if (mark == NULL) return;
  enqueue(stream, [mark] {
    CUstream_st &ahead = stream_of(mark->stream); /* empty where it was destroyed, after all has run */
    while (!mark->reached && !ahead.queue.empty()) run_first(ahead);
  });
}

void milliseconds(float *out, cudaEvent_t from, cudaEvent_t to) {
  objects().events.check(from);
  objects().events.check(to);
  if (out == NULL) refuse(cudaErrorInvalidValue, "ms is NULL");
  if (!from->timed || !to->timed) refuse(cudaErrorInvalidResourceHandle, "an event was made without times");
  const auto begin = from->mark, end = to->mark;
  if (begin == NULL || end == NULL) refuse(cudaErrorInvalidResourceHandle, "an event was never recorded");
  if (!begin->reached || !end->reached) throw Answer{cudaErrorNotReady};
  *out = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
}

} // namespace

} // namespace soft

using soft::call;
using soft::objects;
using soft::refuse;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags) {
  return call("cudaStreamCreateWithFlags", [=] {
    if (out == NULL) refuse(cudaErrorInvalidValue, "pStream is NULL");
    if (flags > cudaStreamNonBlocking) refuse(cudaErrorInvalidValue, "there are no flags %#x", flags);
    *out = objects().streams.make();
    (*out)->device = soft::current_device;
    (*out)->blocking = flags == cudaStreamDefault;
  });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call("cudaStreamDestroy", [=] { soft::destroy(stream); });
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call("cudaStreamSynchronize", [=] {
    soft::check_stream(stream);
    soft::finish(stream);
  });
}
/* It is never caught at work: what it has is done first. */
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call("cudaStreamQuery", [=] {
    soft::check_stream(stream);
    soft::finish(stream);
  });
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
  return call("cudaStreamIsCapturing", [=] {
    soft::check_stream(stream);
    if (status == NULL) refuse(cudaErrorInvalidValue, "pCaptureStatus is NULL");
    const CUstream_st &s = soft::stream_of(stream);
    if (soft::is_legacy(s)) soft::check_legacy();
    *status = s.recording == NULL ? cudaStreamCaptureStatusNone
              : s.invalid         ? cudaStreamCaptureStatusInvalidated
                                  : cudaStreamCaptureStatusActive;
  });
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return call("cudaStreamBeginCapture", [=] { soft::begin_recording(stream, mode); });
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  return call("cudaStreamEndCapture", [=] { soft::end_recording(stream, graph); });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long flags) {
  return call("cudaGraphInstantiate", [=] {
    objects().graphs.check(graph);
    if (out == NULL) refuse(cudaErrorInvalidValue, "pGraphExec is NULL");
    if (flags != 0)
      refuse(cudaErrorNotSupported, "the software device knows no flags of graphs: %#llx", flags);
    *out = objects().executables.make();
    (*out)->work = graph->work;
  });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call("cudaGraphLaunch", [=] { soft::launch(executable, stream); });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call("cudaGraphDestroy", [=] {
    objects().graphs.check(graph);
    objects().graphs.end(graph);
  });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call("cudaGraphExecDestroy", [=] {
    objects().executables.check(executable);
    objects().executables.end(executable);
  });
}

cudaError_t cudaEventCreate(cudaEvent_t *out) {
  return call("cudaEventCreate", [=] {
    if (out == NULL) refuse(cudaErrorInvalidValue, "event is NULL");
    *out = objects().events.make();
  });
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags) {
  return call("cudaEventCreateWithFlags", [=] {
    const unsigned known = cudaEventBlockingSync | cudaEventDisableTiming;
    if (out == NULL) refuse(cudaErrorInvalidValue, "event is NULL");
    if ((flags & ~known) != 0) refuse(cudaErrorInvalidValue, "there are no flags %#x", flags);
    *out = objects().events.make();
    (*out)->timed = (flags & cudaEventDisableTiming) == 0;
  });
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call("cudaEventDestroy", [=] {
    objects().events.check(event);
    objects().events.end(event);
  });
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call("cudaEventRecord", [=] { soft::record(event, stream); });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return call("cudaStreamWaitEvent", [=] { soft::let_wait(stream, event, flags); });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call("cudaEventSynchronize", [=] { soft::wait_for(event); });
}
cudaError_t cudaEventElapsedTime(float *out, cudaEvent_t from, cudaEvent_t to) {
  return call("cudaEventElapsedTime", [=] { soft::milliseconds(out, from, to); });
}

} // extern "C"
