/* program.h - the program in the test itself: its commands are called as functions, its files are compiled
 * into the test (CMakeLists.txt).
 *
 *   program_enter("device");              a folder of its own, with texts, numbers and images in it
 *   code = program_run("verify model.st");
 *   ... program_printed, said ...
 *   program_leave();
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "host/cli/command.h"
#include "host/cli/exchange.h"
#include "host/cli/hash.h"
#include "tests/said.h"
#include "tests/wav_made.h"

#include <dirent.h>

static const command_spec *const program_commands[] = {
    &command_train,      &command_sample,  &command_eval,   &command_inspect, &command_report,
    &command_verify,     &command_import,  &command_export, &command_info,    &command_tag,
    &command_classify,   &command_compose, &command_draw,   &command_spell,   &command_translate,
    &command_transcribe, &command_speak};
enum { PROGRAM_WORDS = 48, PROGRAM_PRINTED = 1 << 16 };
static char program_printed[PROGRAM_PRINTED]; /* on standard output */

/* Around the command itself, without what the test does before and after. */
static void program_begins(void);
static void program_ends(void);
/* A command that is none of the program's: an exit code. */
static int program_other(int argc, char **argv);

/* The command line without the name of the program; returns the exit code, and leaves what it prints in
 * `program_printed` and `said`. */
static inline int program_run(const char *line) {
  char words[1024], *argv[PROGRAM_WORDS] = {NULL};
  int argc = 0, code = -1, known = 0;
  snprintf(words, sizeof words, "%s", line);
  for (char *word = strtok(words, " "); word && argc < PROGRAM_WORDS; word = strtok(NULL, " "))
    argv[argc++] = word;
  if (argc == 0) return code;
  said_stream out = said_begin(STDOUT_FILENO);
  said_listen();
  program_begins();
  for (size_t i = 0; i < COUNT(program_commands) && !known; i++) {
    known = strcmp(program_commands[i]->name, argv[0]) == 0;
    if (known) code = program_commands[i]->run(argc - 1, argv + 1);
  }
  if (!known) code = program_other(argc, argv);
  program_ends();
  said_end(&said_errors, said, sizeof said);
  said_end(&out, program_printed, PROGRAM_PRINTED);
  return code;
}

/* FNV-1a of what the command printed, and of the file that it made. */
static inline uint64_t program_result(const char *name) {
  uint64_t hash = hash_bytes(HASH_START, program_printed, strlen(program_printed));
  FILE *file = fopen(name, "rb");
  for (int c; file && (c = getc(file)) != EOF;) hash = hash_bytes(hash, &(const char){(char)c}, 1);
  if (file) fclose(file);
  return hash;
}

/* Whether the command said one sentence. */
static inline int program_said_one(void) {
  const char *end = strchr(said, '\n');
  return strncmp(said, "seqgpu: ", 8) == 0 && end && end[1] == 0;
}

/* ---------------------------------------------------------------- its folder */

static char program_folder[64];

static inline void program_write(const char *name, const void *bytes, size_t size) {
  FILE *to = fopen(name, "wb");
  if (to == NULL || fwrite(bytes, 1, size, to) != size || fclose(to) != 0) {
    perror(name);
    exit(EXIT_FAILURE);
  }
}

/* text, numbers of two columns, four images with their labels, two sentences with their tags, two pieces of
 * music, two drawings, three words as they are spoken, two sentences with their translations, two recordings
 * with what is said in them. */
static inline void program_enter(const char *name) {
  snprintf(program_folder, sizeof program_folder, "/tmp/seqgpu-%s-XXXXXX", name);
  if (!mkdtemp(program_folder) || chdir(program_folder) != 0) exit(EXIT_FAILURE);
  static const char text[] = "the cat sat on the mat, and then it ran to the hat";
  static const char numbers[] = "0.5 1\n0.25 0\n",
                    images[16 + 16] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2},
                    labels[8 + 4] = {0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1};
  static const char tagged[] = "1\tthe\t_\tD\t_\t_\t_\t_\t_\t_\n2\tcat\t_\tN\t_\t_\t_\t_\t_\t_\n\n"
                               "1\tthe\t_\tD\t_\t_\t_\t_\t_\t_\n";
  program_write("text", text, sizeof text - 1);
  program_write("numbers", numbers, sizeof numbers - 1);
  program_write("images", images, sizeof images);
  program_write("labels", labels, sizeof labels);
  static const char ink[] = "3,1,0 -1,4,1 2,0,1\n0,5,0 1,1,1\n";
  static const char music[] = "0,4 7 - 4\n87 0\n";
  program_write("tagged", tagged, sizeof tagged - 1);
  program_write("music", music, sizeof music - 1);
  program_write("ink", ink, sizeof ink - 1);
  static const char spoken[] = "read R EH1 D\nread(2) R IY1 D\nad AE1 D\n";
  program_write("spoken", spoken, sizeof spoken - 1);
  static const char translated[] = "Ein Hund.\tA dog.\nDer Hund, ein Hund!\tThe dog, a dog!\n";
  program_write("translated", translated, sizeof translated - 1);
  static const char recorded[] = "one.wav\ta\ntwo.wav\tba\n";
  char sound[WAV_HEADER + 2 * 200];
  program_write("recorded", recorded, sizeof recorded - 1);
  program_write("one.wav", sound, wav_make(sound, 1000, 1, 100, -500, 10));
  program_write("two.wav", sound, wav_make(sound, 1000, 1, 200, 900, -7));
}

/* Removes what is here; returns how many files were temporary. */
static inline int program_empty_folder(void) {
  int temporary = 0;
  DIR *here = opendir(".");
  for (struct dirent *entry; here && (entry = readdir(here)) != NULL;) {
    temporary += strstr(entry->d_name, ".tmp") != NULL;
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlink(entry->d_name);
  }
  if (here) closedir(here);
  return temporary;
}

static inline void program_leave(void) {
  CHECK(program_empty_folder() == 0 && chdir("/") == 0 && rmdir(program_folder) == 0,
        "nothing temporary is left");
}

#endif
