/* cgroup.h - the share of the processors that control groups leave to this process: containers, systemd
 * slices. */
#ifndef SQ_CGROUP_H
#define SQ_CGROUP_H

/* The least CPU quota of the process's groups and of those above them, in processors, rounded up; `most`
 * where no quota is set or less is allowed anyway.  `root` is put before /proc and /sys: "" on the machine
 * itself, a folder of sample files in a test. */
int sq_cgroup_processors(const char *root, int most);

#endif
