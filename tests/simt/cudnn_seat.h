/* cudnn_seat.h - where the stand-in for cuDNN sits.
 *
 * In the emulator device memory is plain memory, and a call does its work at once.  On the software device
 * (tests/soft/cudnn.cpp) memory lies elsewhere, and work goes through the handle's stream, which may be
 * recorded.
 */
#ifndef CUDNN_SEAT_H
#define CUDNN_SEAT_H

#include <cudnn.h>

#include <functional>

namespace seat {

/* What a call does on the device: NULL, or how its inputs are not what they must be. */
typedef std::function<const char *()> Work;
cudnnStatus_t enqueue(cudaStream_t stream, const Work &work);

/* At the beginning of every other call: whether this one is to fail (tests/soft/controls.h). */
bool fails();
/* Objects that the caller has to destroy: one more, or one less. */
void count(int by);

/* For work that runs: where bytes of the device lie.  NULL stays NULL. */
const void *readable(const void *device, size_t bytes);
void *writable(void *device, size_t bytes);
/* Fills them with NaN; nobody may rely on what they hold. */
void spoil(void *device, size_t bytes);

} // namespace seat

#endif
