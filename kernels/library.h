/* library.h - another library of functions, opened when it is first asked for: cuBLAS, cuFFT, cuDNN.
 *
 * They are hundreds of megabytes.  A program that was linked with them would start slowly, GPU or not, and not
 * at all where one of them is missing; so each has a table of the functions that we call:
 *
 *     #define SQ_THING_FUNCTIONS(F) F(thingCreate) F(thingDestroy)
 *     struct sq_thing { SQ_THING_FUNCTIONS(SQ_LIBRARY_MEMBER) };
 *     const sq_thing *sq_thing_library(const char **why);
 *
 * NULL where it cannot be opened, and then `why`, unless it is NULL, gets the loader's sentence.  It is defined by
 *
 *     SQ_LIBRARY(sq_thing, SQ_THING_FUNCTIONS, "libthing.so.1", "where it was when this was built")
 */
#ifndef SQ_LIBRARY_H
#define SQ_LIBRARY_H

#define SQ_LIBRARY_TEXT_OF(name) #name
#define SQ_LIBRARY_TEXT(name)    SQ_LIBRARY_TEXT_OF(name) /* after macros: a header may rename its functions */
#define SQ_LIBRARY_MEMBER(name)  decltype(&::name) name = nullptr;
#define SQ_LIBRARY_LOAD(name)    library.load(SQ_LIBRARY_TEXT(name), reinterpret_cast<void **>(&functions.name));

#ifdef SEQGPU_EMULATE /* a stand-in is linked */

#define SQ_LIBRARY_LINKED(name) functions.name = &::name;
#define SQ_LIBRARY(thing, FUNCTIONS, name, path)                                                             \
  const thing *thing##_library(const char **) {                                                              \
    static const thing linked = [] {                                                                         \
      thing functions;                                                                                       \
      FUNCTIONS(SQ_LIBRARY_LINKED)                                                                           \
      return functions;                                                                                      \
    }();                                                                                                     \
    return &linked;                                                                                          \
  }

#else

#include <dlfcn.h>
#include <stdio.h>

/* It stays open: contexts come and go. */
struct sq_library {
  void *handle;
  bool complete;
  char why[240] = "";

  /* By its name, as the loader finds it; or else where it was when this was built. */
  sq_library(const char *name, const char *path) : handle(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) note(dlerror());
    if (handle == nullptr) handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    complete = handle != nullptr;
  }

  void load(const char *function, void **out) {
    if (!complete) return;
    *out = dlsym(handle, function);
    complete = *out != nullptr;
    if (!complete) note(dlerror());
  }

  void note(const char *sentence) { snprintf(why, sizeof why, "%s", sentence != nullptr ? sentence : ""); }
};

#define SQ_LIBRARY(thing, FUNCTIONS, name, path)                                                             \
  const thing *thing##_library(const char **why) {                                                           \
    static thing functions;                                                                                  \
    static const sq_library opened = [] {                                                                    \
      sq_library library(name, path);                                                                        \
      FUNCTIONS(SQ_LIBRARY_LOAD)                                                                             \
      return library;                                                                                        \
    }();                                                                                                     \
    if (opened.complete) return &functions;                                                                  \
    if (why != nullptr) *why = opened.why;                                                                   \
    return nullptr;                                                                                          \
  }

#endif
#endif
