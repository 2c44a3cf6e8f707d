/* args_complete.c - scripts that complete a command line, one shell a section (args_complete.h).
 *
 * A value that is called FILE or DIR is completed by the names of files, one that has choices by these.
 */
#include "host/cli/args_complete.h"

#include <stdio.h>
#include <string.h>

typedef struct shell {
  const char *name;
  void (*begin)(const char *words, const char *tasks);
  void (*part)(const char *command, const arg_spec *specs); /* command: "train charlm" */
  const char *end;
} shell;

static int names_file(const arg_spec *spec) {
  return spec->value && (strcmp(spec->value, "FILE") == 0 || strcmp(spec->value, "DIR") == 0);
}

/* "a|b|c" as "a b c". */
static void print_choices(const char *choices) {
  for (; *choices; choices++) putchar(*choices == '|' ? ' ' : *choices);
}

/* A description inside single quotes of a shell; characters of `special` get a backslash. */
static void print_quoted(const char *text, const char *special) {
  for (; *text; text++) {
    if (*text == '\'')
      printf("'\\''");
    else
      printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
  }
}

/* ---------------------------------------------------------------- bash */

static void bash_begin(const char *words, const char *tasks) {
  printf(
      "# bash completion of seqgpu; made by: seqgpu completion bash\n"
      "_seqgpu() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command options\n"
      "  if [ \"$cur\" = = ]; then cur=; elif [ \"$before\" = = ]; then before=${COMP_WORDS[COMP_CWORD-2]}; "
      "fi\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W '%s --help --version' -- \"$cur\")); "
      "return; fi\n"
      "  command=${COMP_WORDS[1]}\n"
      "  if [ \"$command\" = train ] || [ \"$command\" = help ]; then\n"
      "    if [ \"$COMP_CWORD\" = 2 ]; then COMPREPLY=($(compgen -W '%s --help' -- \"$cur\")); return; fi\n"
      "    command=\"$command ${COMP_WORDS[2]}\"\n"
      "  fi\n"
      "  case $command in\n",
      words, tasks);
}

static void bash_part(const char *command, const arg_spec *specs) {
  char cells[ARGS_CHOICES];
  printf("  '%s')\n    options='--help", command);
  for (const arg_spec *s = specs; s->name[0]; s++)
    if (s->kind != ARG_GROUP) printf(" --%s", s->name);
  printf("'\n    case $before in\n");
  for (const arg_spec *s = specs; s->name[0]; s++) {
    const char *choices = args_choices(s, cells);
    if (s->value == NULL) continue;
    printf("    --%s) ", s->name);
    if (choices) {
      printf("options='");
      print_choices(choices);
      printf("' ;;\n");
    } else {
      printf(names_file(s) ? "COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n" : "return ;;\n");
    }
  }
  printf("    esac ;;\n");
}

static const char bash_end[] = "  *) options=--help ;;\n"
                               "  esac\n"
                               "  COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
                               "}\n"
                               "complete -o filenames -F _seqgpu seqgpu\n";

/* ---------------------------------------------------------------- zsh */

static void zsh_begin(const char *words, const char *tasks) {
  printf("#compdef seqgpu\n"
         "# zsh completion of seqgpu; made by: seqgpu completion zsh\n"
         "_seqgpu() {\n"
         "  local command=$words[2]\n"
         "  if (( CURRENT == 2 )); then compadd -- %s --help --version; return; fi\n"
         "  if [[ $command == train || $command == help ]]; then\n"
         "    if (( CURRENT == 3 )); then compadd -- %s --help; return; fi\n"
         "    command=\"$command $words[3]\"\n"
         "  fi\n"
         "  case $command in\n",
         words, tasks);
}

static void zsh_part(const char *command, const arg_spec *specs) {
  char cells[ARGS_CHOICES];
  printf("  ('%s') _arguments \\\n", command);
  for (const arg_spec *s = specs; s->name[0]; s++) {
    const char *choices = args_choices(s, cells);
    if (s->kind == ARG_GROUP) continue;
    printf("    '%s--%s%s[", s->kind == ARG_TEXTS ? "*" : "", s->name, s->value ? "=" : "");
    print_quoted(s->help, "[]\\");
    printf("]");
    if (s->value) printf(":%s:", s->value);
    if (choices) {
      printf("(");
      print_choices(choices);
      printf(")");
    } else if (names_file(s)) {
      printf("_files");
    }
    printf("' \\\n");
  }
  printf("    '--help[print all options]' '*: :' ;;\n");
}

static const char zsh_end[] =
    "  esac\n"
    "}\n"
    "if [[ $funcstack[1] == _seqgpu ]]; then _seqgpu \"$@\"; else compdef _seqgpu seqgpu; fi\n";

/* ---------------------------------------------------------------- fish */

static void fish_begin(const char *words, const char *tasks) {
  printf("# fish completion of seqgpu; made by: seqgpu completion fish\n"
         "function __seqgpu_is\n"
         "  set -l words (commandline -opc)\n"
         "  test (count $words) -gt (count $argv); or return 1\n"
         "  set -l last (math (count $argv) + 1)\n"
         "  test \"$words[2..$last]\" = \"$argv\"\n"
         "end\n"
         "complete -c seqgpu -f -n 'test (count (commandline -opc)) -eq 1' -a '%s'\n"
         "for command in train help\n"
         "  complete -c seqgpu -f -n \"__seqgpu_is $command; and test (count (commandline -opc)) -eq 2\" -a "
         "'%s'\n"
         "end\n",
         words, tasks);
}

static void fish_part(const char *command, const arg_spec *specs) {
  char cells[ARGS_CHOICES];
  for (const arg_spec *s = specs; s->name[0]; s++) {
    const char *choices = args_choices(s, cells);
    if (s->kind == ARG_GROUP) continue;
    printf("complete -c seqgpu -n '__seqgpu_is %s' -l %s ", command, s->name);
    if (choices) {
      printf("-x -a '");
      print_choices(choices);
      printf("' ");
    } else if (s->value) {
      printf(names_file(s) ? "-r -F " : "-x ");
    } else {
      printf("-f ");
    }
    printf("-d '");
    for (const char *c = s->help; *c; c++) printf(strchr("'\\", *c) ? "\\%c" : "%c", *c);
    printf("'\n");
  }
}

/* ---------------------------------------------------------------- by name */

static const shell shells[] = {
    {"bash", bash_begin, bash_part, bash_end},
    {"zsh", zsh_begin, zsh_part, zsh_end},
    {"fish", fish_begin, fish_part, ""},
};

static const shell *find(const char *name) {
  for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
    if (strcmp(shells[i].name, name) == 0) return &shells[i];
  return NULL;
}

int args_complete(const char *usage, int length, const arg_spec *specs, const char *name) {
  const shell *s = find(name);
  if (s == NULL) return 0;
  char command[ARGS_VALUE];
  const int program = (int)strlen("seqgpu ");
  snprintf(command, sizeof command, "%.*s", length > program ? length - program : 0, usage + program);
  s->part(command, specs);
  return 1;
}

int args_complete_begin(const char *name, const char *words, const char *tasks) {
  const shell *s = find(name);
  if (s) s->begin(words, tasks);
  return s != NULL;
}

void args_complete_end(const char *name) {
  const shell *s = find(name);
  if (s) fputs(s->end, stdout);
}
