/* test_target.c - where a checkpoint goes (host/checkpoint/target.c, leftovers.c): links, permissions, files
 * that are none of ours, folders that cannot be flushed, and what killed processes left.
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/files/leftovers.h"
#include "tests/check.h"
#include "tests/refused.h"

static char folder[64]; /* of this run */

static const char *at(const char *name) {
  static char paths[4][sizeof folder + 256];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "wb");
  if (!CHECK(file != NULL, "the test writes %s", path)) return;
  fputs(text, file);
  fclose(file);
}

static int holds(const char *path, const char *text) {
  char there[200] = "";
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  const size_t n = fread(there, 1, sizeof there - 1, file);
  fclose(file);
  return n == strlen(text) && memcmp(there, text, n) == 0;
}

/* 1 if the file can be opened as a checkpoint. */
static int is_checkpoint(seqgpu_context *ctx, const char *path) {
  seqgpu_checkpoint *c;
  const int is = seqgpu_checkpoint_open(ctx, path, &c) == SEQGPU_OK;
  seqgpu_checkpoint_close(c);
  return is;
}

static int mode_of(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 ? (int)(about.st_mode & 07777) : -1;
}

/* ---------------------------------------------------------------- the place */

static void test_links(seqgpu_context *ctx, seqgpu_params *p) {
  struct stat about;
  mkdir(at("far"), 0700);
  CHECK(seqgpu_checkpoint_save(p, at("far/model"), NULL, 0) == SEQGPU_OK &&
            chmod(at("far/model"), 0640) == 0 && symlink("far/model", at("link")) == 0 &&
            symlink("link", at("link of link")) == 0,
        "a checkpoint and links to it");
  CHECK(seqgpu_checkpoint_save(p, at("link of link"), NULL, 0) == SEQGPU_OK, "saved by a link");
  CHECK(lstat(at("link"), &about) == 0 && S_ISLNK(about.st_mode) && lstat(at("link of link"), &about) == 0 &&
            S_ISLNK(about.st_mode),
        "the links are links still");
  CHECK(mode_of(at("far/model")) == 0640, "permissions are kept: %o", (unsigned)mode_of(at("far/model")));
  CHECK(symlink("far/new", at("dangling")) == 0 &&
            seqgpu_checkpoint_save(p, at("dangling"), NULL, 0) == SEQGPU_OK &&
            is_checkpoint(ctx, at("far/new")),
        "a link to a file that is not there yet");
  CHECK(symlink(at("far/model"), at("absolute")) == 0 &&
            seqgpu_checkpoint_save(p, at("absolute"), NULL, 0) == SEQGPU_OK &&
            is_checkpoint(ctx, at("far/model")) && lstat(at("absolute"), &about) == 0 &&
            S_ISLNK(about.st_mode),
        "a link from the root on");
  char longest[4091], longer[5000];
  memset(longest, 'l', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  memset(longer, 'l', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  CHECK(symlink(longest, at("long")) == 0, "a link to a long name");
  REFUSED(ctx, EIO, "cannot follow its links", seqgpu_checkpoint_save(p, at("long"), NULL, 0));
  REFUSED(ctx, EIO, "lllll", seqgpu_checkpoint_save(p, longer, NULL, 0));
  CHECK(symlink("round", at("round")) == 0, "a link to itself");
  REFUSED(ctx, EIO, "links", seqgpu_checkpoint_save(p, at("round"), NULL, 0));
  unlink(at("far/model"));
  unlink(at("far/new"));
  CHECK(rmdir(at("far")) == 0, "no temporary file is left where the links lead");
}

static void test_foreign(seqgpu_context *ctx, seqgpu_params *p) {
  static const char *const texts[] = {"Dear diary,\n", "x", "\x10\0\0\0\0\0\0\0[", "12345678{"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    write_text(at("diary"), texts[i]);
    REFUSED(ctx, EINVAL, "no .safetensors", seqgpu_checkpoint_save(p, at("diary"), NULL, 0));
    CHECK(holds(at("diary"), texts[i]), "document %zu is what it was", i);
  }
  write_text(at("diary"), "");
  CHECK(seqgpu_checkpoint_save(p, at("diary"), NULL, 0) == SEQGPU_OK && is_checkpoint(ctx, at("diary")),
        "an empty file is replaced");
  CHECK(seqgpu_checkpoint_save(p, at("diary"), NULL, 0) == SEQGPU_OK, "and so is a checkpoint");
}

/* In a process that is not root: a folder that takes files, but cannot be opened and so not be flushed. */
static int save_in_blind_folder(seqgpu_params *p) {
  const pid_t child = fork();
  if (child == 0) {
    if (getuid() == 0 && (chown(at("blind"), 65534, 65534) != 0 || setuid(65534) != 0)) _exit(2);
    _exit(seqgpu_checkpoint_save(p, at("blind/model"), NULL, 0) == SEQGPU_OK ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_blind_folder(seqgpu_context *ctx, seqgpu_params *p) {
  if (chmod(folder, 0711) != 0 || mkdir(at("blind"), 0300) != 0 || chmod(at("blind"), 0300) != 0) return;
  CHECK(save_in_blind_folder(p), "a folder that cannot be flushed: saved all the same");
  chmod(at("blind"), 0700);
  CHECK(is_checkpoint(ctx, at("blind/model")), "and the file is there");
  unlink(at("blind/model"));
  CHECK(rmdir(at("blind")) == 0, "and nothing else");
}

/* ---------------------------------------------------------------- leftovers */

static void test_leftovers(seqgpu_params *p) {
  char living[40];
  static const char *const dead[] = {".seqgpu-999999999-0.tmp", ".seqgpu-999999999-1765432100-0.tmp",
                                     ".seqgpu-lock-0123456789abcdef.tmp"};
  static const char *const others[] = {"seqgpu-1-0.tmp", ".seqgpu-1-0.tm",  ".seqgpu",
                                       "model.tmp",      ".seqgpu-.tmp.st", ".seqgpu-.tmp"};
  snprintf(living, sizeof living, ".seqgpu-%ld-7.tmp", (long)getpid());
  for (size_t i = 0; i < COUNT(dead); i++) write_text(at(dead[i]), "left");
  for (size_t i = 0; i < COUNT(others); i++) write_text(at(others[i]), "other");
  write_text(at(living), "of version 0.1");
  write_text(at("document"), "linked");
  CHECK(symlink("document", at(".seqgpu-1-2-3.tmp")) == 0 && mkdir(at(".seqgpu-4-5-6.tmp"), 0700) == 0 &&
            mkfifo(at(".seqgpu-7-8-9.tmp"), 0600) == 0,
        "things of such a name");
  const int locked = open(at(".seqgpu-999999998-1765432100-0.tmp"), O_RDWR | O_CREAT, 0600);
  CHECK(locked >= 0 && flock(locked, LOCK_EX) == 0, "a file that is locked");

  CHECK(seqgpu_checkpoint_save(p, at("model"), NULL, 0) == SEQGPU_OK, "saved among them");
  for (size_t i = 0; i < COUNT(dead); i++)
    CHECK(access(at(dead[i]), F_OK) != 0, "%s of a dead process is gone", dead[i]);
  for (size_t i = 0; i < COUNT(others); i++) CHECK(holds(at(others[i]), "other"), "%s stays", others[i]);
  CHECK(holds(at(living), "of version 0.1"), "that of a living process of version 0.1 stays");
  CHECK(access(at(".seqgpu-999999998-1765432100-0.tmp"), F_OK) == 0, "a locked one stays");
  CHECK(holds(at(".seqgpu-1-2-3.tmp"), "linked") && holds(at("document"), "linked"),
        "a link and its document stay");
  CHECK(rmdir(at(".seqgpu-4-5-6.tmp")) == 0 && unlink(at(".seqgpu-7-8-9.tmp")) == 0,
        "a folder and a pipe stay");
  close(locked);
  sq_leftovers_remove(NULL, 5000); /* a folder that no system has */
  CHECK(seqgpu_checkpoint_save(p, at("model"), NULL, 0) == SEQGPU_OK &&
            access(at(".seqgpu-999999998-1765432100-0.tmp"), F_OK) != 0,
        "without its lock it goes");
  unlink(at(living));
  unlink(at(".seqgpu-1-2-3.tmp"));
}

/* A file in the folder of the test: that of another user is left alone, even by root. */
static void test_other_user(seqgpu_params *p) {
  if (getuid() != 0) {
    check_skip("only root can make a file of another user", "a leftover of another user");
    return;
  }
  const char *name = ".seqgpu-999999999-2-0.tmp";
  write_text(at(name), "his");
  CHECK(chown(at(name), 65534, 65534) == 0 && seqgpu_checkpoint_save(p, at("model"), NULL, 0) == SEQGPU_OK &&
            holds(at(name), "his"),
        "a leftover of another user stays");
  struct stat about;
  CHECK(chown(at("model"), 65534, 65533) == 0 &&
            seqgpu_checkpoint_save(p, at("model"), NULL, 0) == SEQGPU_OK && stat(at("model"), &about) == 0 &&
            about.st_uid == 65534 && about.st_gid == 65533,
        "the owner of a checkpoint is kept");
  unlink(at(name));
}

/* ---------------------------------------------------------------- main */

static void remove_folder(void) {
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlink(at(entry->d_name));
  if (dir) closedir(dir);
  CHECK(rmdir(folder) == 0, "the folder of the test can be removed");
}

int main(void) {
  check_start();
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx;
  seqgpu_params *p = NULL;
  snprintf(folder, sizeof folder, "/tmp/seqgpu-target-XXXXXX");
  if (mkdtemp(folder) == NULL || seqgpu_context_create(&options, &ctx) != SEQGPU_OK) return EXIT_FAILURE;
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add(p, "w", 2, 2, "normal", 1, NULL);
  if (seqgpu_checkpoint_save(p, at("first"), NULL, 0) == SEQGPU_EUNSUPPORTED) {
    check_skip("this build has no cJSON", "checkpoints");
  } else {
    test_links(ctx, p);
    test_foreign(ctx, p);
    test_blind_folder(ctx, p);
    test_leftovers(p);
    test_other_user(p);
  }
  seqgpu_params_destroy(p);
  seqgpu_context_destroy(ctx);
  remove_folder();
  return check_finish();
}
