/* folder.c - see folder.h.  A test tool: where it cannot go on, it says so and ends. */
#define _XOPEN_SOURCE 700

#include "tests/faults/folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 1024 };

static void stop(const char *what, const char *path) {
  fprintf(stderr, "faults: cannot %s %s\n", what, path);
  exit(1);
}

static void join(char out[NAME], const char *parent, const char *name) {
  if (snprintf(out, NAME, "%s%s%s", parent, parent[0] ? "/" : "", name) >= NAME) stop("name", name);
}

folder_file folder_read_file(const char *path) {
  folder_file file = {.name = strdup(path)};
  struct stat about;
  FILE *from = fopen(path, "rb");
  if (from == NULL || fstat(fileno(from), &about) != 0) stop("open", path);
  file.size = (size_t)about.st_size;
  file.data = calloc(file.size + 1, 1);
  if (file.data == NULL || fread(file.data, 1, file.size, from) != file.size) stop("read", path);
  fclose(from);
  return file;
}

static void add(folder *f, folder_file file) {
  folder_file *larger = realloc(f->files, (size_t)(f->count + 1) * sizeof *larger);
  if (larger == NULL) stop("remember", file.name);
  f->files = larger;
  f->files[f->count++] = file;
}

/* Everything below root/at. */
static void collect(folder *f, const char *root, const char *at) {
  char path[NAME], name[NAME];
  struct stat about;
  join(path, root, at);
  DIR *dir = opendir(at[0] ? path : root);
  for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    join(name, at, entry->d_name);
    join(path, root, name);
    if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
      collect(f, root, name);
      continue;
    }
    folder_file file = folder_read_file(path);
    free(file.name);
    file.name = strdup(name);
    add(f, file);
  }
  if (dir) closedir(dir);
}

folder folder_read(const char *path) {
  folder f = {.files = NULL};
  collect(&f, path, "");
  return f;
}

void folder_remove(const char *path) {
  char name[NAME];
  DIR *dir = opendir(path);
  for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    join(name, path, entry->d_name);
    if (unlink(name) != 0) folder_remove(name);
  }
  if (dir) closedir(dir);
  rmdir(path);
}

/* The folders that a name goes through. */
static void make_folders(const char *path) {
  char part[NAME];
  for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
    mkdir(part, 0777);
  }
}

void folder_write(const folder *f, const char *path) {
  char name[NAME];
  folder_remove(path);
  if (mkdir(path, 0777) != 0) stop("make", path);
  for (int i = 0; i < f->count; i++) {
    join(name, path, f->files[i].name);
    make_folders(name);
    FILE *to = fopen(name, "wb");
    if (to == NULL || fwrite(f->files[i].data, 1, f->files[i].size, to) != f->files[i].size)
      stop("write", name);
    if (fclose(to) != 0) stop("write", name);
  }
}

void folder_free(folder *f) {
  for (int i = 0; i < f->count; i++) {
    free(f->files[i].name);
    free(f->files[i].data);
  }
  free(f->files);
  *f = (folder){.files = NULL};
}

const folder_file *folder_find(const folder *f, const char *name) {
  for (int i = 0; i < f->count; i++)
    if (strcmp(f->files[i].name, name) == 0) return &f->files[i];
  return NULL;
}

int folder_same(const folder_file *a, const folder_file *b) {
  return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}
