/* cgroup.c - CPU quotas of control groups, version 1 and 2; see cgroup.h.
 *
 *   /proc/self/cgroup   "0::/GROUP"                version 2: /sys/fs/cgroup/GROUP/cpu.max, "QUOTA PERIOD" or "max PERIOD"
 *                       "4:cpu,cpuacct:/GROUP"     version 1: /sys/fs/cgroup/cpu/GROUP/cpu.cfs_quota_us, -1 = none,
 *                                                  and cpu.cfs_period_us
 *
 * A quota holds for all groups below it, so every folder from the group up to the root is asked.  In a
 * container the group's path may be that of the host, which is not there: its folders are then missing, and
 * the root is the container's own.  (Linux: Documentation/admin-guide/cgroup-v2.rst,
 * scheduler/sched-bwc.rst.)
 */
#include "host/context/cgroup.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 1024 };

/* ---------------------------------------------------------------- files */

/* The first line of ROOT FOLDER/NAME; 0 if there is none. */
static int first_line(const char *root, const char *folder, const char *name, char *line, int size) {
  char path[PATH_SIZE];
  const int length = snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
  FILE *file = length < PATH_SIZE ? fopen(path, "re") : NULL;
  if (file == NULL) return 0;
  const int found = fgets(line, size, file) != NULL;
  fclose(file);
  return found;
}

static int processors_of(double quota, double period, int most) {
  if (!(quota > 0 && period > 0) || quota / period >= most) return most;
  const int whole = (int)(quota / period);
  return whole + (whole * period < quota);
}

/* ---------------------------------------------------------------- one group */

typedef int group_quota(const char *root, const char *folder, int most);

static int quota_v2(const char *root, const char *folder, int most) {
  char line[128];
  double quota, period;
  if (!first_line(root, folder, "cpu.max", line, sizeof line)) return most;
  if (sscanf(line, "%lf %lf", &quota, &period) != 2) return most; /* "max" */
  return processors_of(quota, period, most);
}

static int quota_v1(const char *root, const char *folder, int most) {
  char line[128];
  double quota, period;
  if (!first_line(root, folder, "cpu.cfs_quota_us", line, sizeof line)) return most;
  if (sscanf(line, "%lf", &quota) != 1) return most;
  if (!first_line(root, folder, "cpu.cfs_period_us", line, sizeof line)) return most;
  if (sscanf(line, "%lf", &period) != 1) return most;
  return processors_of(quota, period, most);
}

/* The group and those above it, up to the folder where the hierarchy is mounted. */
static int quota_of_path(const char *root, const char *mount, const char *group, group_quota *quota,
                         int most) {
  char folder[PATH_SIZE];
  const int length = snprintf(folder, sizeof folder, "%s%s", mount, group);
  if (length >= PATH_SIZE) return most;
  for (;;) {
    most = quota(root, folder, most);
    char *last = strrchr(folder, '/'); /* the mount's own, in the end */
    if ((size_t)(last - folder) < strlen(mount)) return most;
    *last = 0;
  }
}

/* ---------------------------------------------------------------- the process */

static int has_word(const char *list, const char *word) {
  const size_t length = strlen(word);
  for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
    if (strncmp(list, word, length) == 0 && (list[length] == 0 || list[length] == ',')) return 1;
  return 0;
}

/* "NUMBER:CONTROLLERS:GROUP\n" */
static int quota_of_line(const char *root, char *line, int most) {
  char *controllers = strchr(line, ':');
  char *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (group == NULL) return most;
  *group++ = 0;
  controllers++;
  group[strcspn(group, "\n")] = 0;
  if (*controllers == 0) {
    most = quota_of_path(root, "/sys/fs/cgroup/unified", group, quota_v2, most); /* beside version 1 */
    return quota_of_path(root, "/sys/fs/cgroup", group, quota_v2, most);
  }
  if (!has_word(controllers, "cpu")) return most;
  return quota_of_path(root, "/sys/fs/cgroup/cpu", group, quota_v1, most); /* or a link of that name */
}

int sq_cgroup_processors(const char *root, int most) {
  char path[PATH_SIZE], line[PATH_SIZE];
  const int length = snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
  FILE *file = length < PATH_SIZE ? fopen(path, "re") : NULL;
  if (file == NULL) return most;
  while (fgets(line, sizeof line, file)) most = quota_of_line(root, line, most);
  fclose(file);
  return most < 1 ? 1 : most;
}
