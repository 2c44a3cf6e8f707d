/* midi.h - a piano roll as a standard MIDI file (The MIDI Association, RP-001): format 0, one track. */
#ifndef MIDI_H
#define MIDI_H

#include <stdint.h>
#include <stdio.h>

/* Writes `steps` steps on [steps,88], of which `tempo` make a minute (4 to 60,000,000: a step is a quarter
 * note).  A key that sounds in steps one after another is one note: a roll does not say whether it is struck
 * again. */
void midi_write(FILE *to, const unsigned char *on, int64_t steps, int64_t tempo);

#endif
