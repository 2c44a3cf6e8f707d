/* wrapped.h - calls of the C library and of zlib that fail, one after another, in the test's own process.
 *
 * The linker puts the functions below in the place of the real ones, in the library and in the program that
 * are linked into the test (--wrap; CMakeLists.txt lists their names).  Between wrapped_begin and wrapped_end
 * each call of one of them counts, and the chosen one fails, or all from it on.  faults/ lets calls fail in
 * processes of their own, those among them that the C library makes itself, and takes minutes.
 */
#ifndef WRAPPED_H
#define WRAPPED_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef SEQGPU_SNDFILE
#include <sndfile.h>
#endif
#ifdef SEQGPU_ZLIB
#include <zlib.h>
#endif

typedef struct wrapped {
  int on, always;
  int error; /* errno of the call that fails; of memory always ENOMEM.  0: it does nothing, and all is well */
  const char *only; /* the one function that counts; NULL: all of them */
  long calls, fail_at;
  const char *failed; /* the function whose call failed; NULL: none */
  const FILE *broken; /* has its error mark */
} wrapped;
static wrapped wrapped_now;

/* What follows counts from 0 on, and call `fail_at` of `only` fails. */
static inline void wrapped_begin(const char *only, long fail_at, int error, int always) {
  wrapped_now = (wrapped){.on = 1, .always = always, .error = error, .only = only, .fail_at = fail_at};
}

static inline void wrapped_end(void) { wrapped_now.on = 0; }

/* One call: whether it is the one that fails. */
static inline int wrapped_fails(const char *name, int error) {
  if (!wrapped_now.on || (wrapped_now.only && strcmp(wrapped_now.only, name) != 0)) return 0;
  const long call = wrapped_now.calls++, at = wrapped_now.fail_at;
  if (at < 0 || (wrapped_now.always ? call < at : call != at)) return 0;
  wrapped_now.failed = name;
  errno = error;
  return 1;
}

/* A function whose call fails with `failure`. */
#define WRAPPED_AS(error, failure, type, name, parameters, arguments)                                        \
  type __real_##name parameters;                                                                             \
  type __wrap_##name parameters;                                                                             \
  type __wrap_##name parameters { return wrapped_fails(#name, error) ? failure : __real_##name arguments; }
#define WRAPPED(failure, ...) WRAPPED_AS(wrapped_now.error, failure, __VA_ARGS__)
#define WRAPPED_MEMORY(...)   WRAPPED_AS(ENOMEM, NULL, __VA_ARGS__)

/* --- memory --- */

WRAPPED_MEMORY(void *, malloc, (size_t size), (size))
WRAPPED_MEMORY(void *, calloc, (size_t count, size_t size), (count, size))
WRAPPED_MEMORY(void *, realloc, (void *old, size_t size), (old, size))
WRAPPED_MEMORY(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
WRAPPED(MAP_FAILED, void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
        (at, size, protection, flags, fd, offset))
WRAPPED(-1, int, madvise, (void *at, size_t size, int advice), (at, size, advice))

/* --- files --- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
  va_end(more);
  return wrapped_fails("open", wrapped_now.error) ? -1 : __real_open(path, flags, mode);
}

WRAPPED(NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAPPED_MEMORY(FILE *, fdopen, (int fd, const char *mode), (fd, mode))
WRAPPED(NULL, DIR *, opendir, (const char *path), (path))
WRAPPED(-1, int, dup, (int fd), (fd))
WRAPPED(-1, int, mkstemps, (char *form, int suffix), (form, suffix))
WRAPPED(-1, int, stat, (const char *path, struct stat *about), (path, about))
WRAPPED(-1, int, kill, (pid_t process, int signal), (process, signal))
WRAPPED(-1, ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
WRAPPED((wrapped_now.error ? -1 : 0), ssize_t, write, (int fd, const void *from, size_t size),
        (fd, from, size))
WRAPPED(-1, off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence))
WRAPPED(-1, int, fsync, (int fd), (fd))
WRAPPED(-1, int, ftruncate, (int fd, off_t size), (fd, size))
WRAPPED(-1, int, flock, (int fd, int how), (fd, how))
WRAPPED(-1, int, fchown, (int fd, uid_t owner, gid_t group), (fd, owner, group))
WRAPPED(-1, int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAPPED(-1, int, rename, (const char *from, const char *to), (from, to))
WRAPPED(NULL, char *, realpath, (const char *path, char *out), (path, out))

/* Nothing done: a file that has lost its name. */
int __real_fstat(int fd, struct stat *about);
int __wrap_fstat(int fd, struct stat *about);
int __wrap_fstat(int fd, struct stat *about) {
  const int fails = wrapped_fails("fstat", wrapped_now.error), failed = __real_fstat(fd, about);
  if (fails && wrapped_now.error == 0) about->st_nlink = 0;
  if (fails) errno = wrapped_now.error;
  return fails && wrapped_now.error ? -1 : failed;
}

/* --- streams --- */

WRAPPED(-1, int, fseek, (FILE * file, long at, int whence), (file, at, whence))
WRAPPED(-1, int, fseeko, (FILE * file, off_t at, int whence), (file, at, whence))
WRAPPED(-1, long, ftell, (FILE * file), (file))

/* A stream whose call fails has its error mark from then on. */
static inline int wrapped_breaks(const char *name, const FILE *file) {
  if (!wrapped_fails(name, wrapped_now.error)) return 0;
  if (wrapped_now.error) wrapped_now.broken = file;
  return 1;
}

size_t __real_fread(void *to, size_t size, size_t count, FILE *file);
size_t __wrap_fread(void *to, size_t size, size_t count, FILE *file);
size_t __wrap_fread(void *to, size_t size, size_t count, FILE *file) {
  return wrapped_breaks("fread", file) ? 0 : __real_fread(to, size, count, file);
}

char *__real_fgets(char *to, int size, FILE *file);
char *__wrap_fgets(char *to, int size, FILE *file);
char *__wrap_fgets(char *to, int size, FILE *file) {
  return wrapped_breaks("fgets", file) ? NULL : __real_fgets(to, size, file);
}

int __real_ferror(FILE *file);
int __wrap_ferror(FILE *file);
int __wrap_ferror(FILE *file) {
  const int broken =
      file == wrapped_now.broken || (file != stdout && wrapped_fails("ferror", wrapped_now.error));
  if (broken) errno = wrapped_now.error;
  return broken || __real_ferror(file);
}

/* What is written is, and what is closed is closed, all the same.  Standard output is main's. */
int __real_fflush(FILE *file);
int __wrap_fflush(FILE *file);
int __wrap_fflush(FILE *file) {
  const int flushed = __real_fflush(file);
  return file != stdout && wrapped_breaks("fflush", file) ? EOF : flushed;
}

int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);
int __wrap_fclose(FILE *file) {
  if (file == wrapped_now.broken) wrapped_now.broken = NULL;
  const int closed = __real_fclose(file);
  return wrapped_fails("fclose", wrapped_now.error) ? EOF : closed;
}

WRAPPED(-1, ssize_t, getrandom, (void *to, size_t size, unsigned flags), (to, size, flags))

/* --- libsndfile, whose own memory it is that fails --- */

#ifdef SEQGPU_SNDFILE
WRAPPED_MEMORY(SNDFILE *, sf_open_virtual, (SF_VIRTUAL_IO * calls, int mode, SF_INFO *info, void *user),
               (calls, mode, info, user))

const char *__real_sf_strerror(SNDFILE *file);
const char *__wrap_sf_strerror(SNDFILE *file);
const char *__wrap_sf_strerror(SNDFILE *file) {
  if (wrapped_now.failed == NULL || strcmp(wrapped_now.failed, "sf_open_virtual") != 0)
    return __real_sf_strerror(file);
  return "Internal malloc () failed.";
}
#endif

/* --- zlib --- */

#ifdef SEQGPU_ZLIB
WRAPPED_AS(ENOMEM, Z_MEM_ERROR, int, inflateInit2_, (z_streamp z, int bits, const char *version, int size),
           (z, bits, version, size))
WRAPPED_AS(ENOMEM, Z_MEM_ERROR, int, inflate, (z_streamp z, int flush), (z, flush))
WRAPPED_AS(ENOMEM, Z_STREAM_ERROR, int, inflateReset, (z_streamp z), (z))
WRAPPED(NULL, gzFile, gzopen, (const char *path, const char *mode), (path, mode))
WRAPPED(-1, int, gzread, (gzFile file, void *to, unsigned size), (file, to, size))

const char *__real_gzerror(gzFile file, int *error);
const char *__wrap_gzerror(gzFile file, int *error);
const char *__wrap_gzerror(gzFile file, int *error) {
  if (wrapped_now.failed == NULL || strcmp(wrapped_now.failed, "gzread") != 0)
    return __real_gzerror(file, error);
  *error = wrapped_now.error == ENOMEM ? Z_MEM_ERROR : Z_ERRNO;
  errno = wrapped_now.error;
  return "";
}
#endif

#endif
