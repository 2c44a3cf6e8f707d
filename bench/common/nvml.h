/* nvml.h - the clock of a card's SMs, as the driver's management library reads it. */
#ifndef BENCH_NVML_H
#define BENCH_NVML_H

/* Hz at this moment, of the card at this place of the PCI bus; 0 where libnvidia-ml is not there or does not
 * say. */
double bench_nvml_clock_hz(unsigned domain, unsigned bus, unsigned device);

#endif
