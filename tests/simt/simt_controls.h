/* simt_controls.h - the emulator's controls for tests written in C: the seed of the schedules, the emulated
 * device, counts.  All of them are of the calling OS thread.
 */
#ifndef SIMT_CONTROLS_H
#define SIMT_CONTROLS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void sq_simt_set_seed(uint64_t seed);
uint64_t sq_simt_get_seed(void);

void sq_simt_set_device(unsigned processors, size_t shared_per_block, unsigned cluster_max);
void sq_simt_reset_device(void);

/* So far: launches, blocks, completed cluster barriers, released flags; bytes landed in shared memory, ended
 * phases of mbarriers, packets; operations on floats where the kernels count them (sq_count of
 * kernels/simt.h). */
uint64_t sq_simt_launches(void);
uint64_t sq_simt_blocks(void);
uint64_t sq_simt_cluster_barriers(void);
uint64_t sq_simt_releases(void);
uint64_t sq_simt_landed(void);
uint64_t sq_simt_phases(void);
uint64_t sq_simt_packets(void);
uint64_t sq_simt_operations(void);

#ifdef __cplusplus
}
#endif
#endif
