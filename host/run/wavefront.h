/* wavefront.h - the layers of a unidirectional stack side by side. */
#ifndef SQ_WAVEFRONT_H
#define SQ_WAVEFRONT_H

#include "host/run/network.h"

/* The most layers of a wave, and what chunks are multiples of (sq_net_drop wants it). */
enum { SQ_WAVE_ABREAST = 8, SQ_WAVE_CHUNK = 4 };

/* Whether the layers of this run go side by side. */
int sq_wave_applies(const sq_net *n);

/* All layers, forward and backward; dy is that of the last layer. */
seqgpu_status sq_wave_forward(const sq_net *n);
seqgpu_status sq_wave_backward(const sq_net *n, const void *dy);

#endif
