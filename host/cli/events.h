/* events.h - event files of TensorBoard: curves of numbers, and texts, over the steps of a run.
 *
 * An event file is a row of records (TFRecord): length u64, masked CRC-32C of these 8 bytes u32, the data,
 * masked CRC-32C of the data u32, all little-endian; masked(c) = rotate_right(c, 15) + 0xa282ead8.  The
 * data of each is an Event in protocol buffers:
 *
 *   Event    1 wall_time double   2 step int64   3 file_version string   5 Summary
 *            the first: file_version "brain.Event:2"
 *   Summary  1 Value, repeated
 *   Value    1 tag string   2 simple_value float   8 TensorProto   9 SummaryMetadata
 *   a text:  SummaryMetadata { 1 PluginData { 1 plugin_name "text" } }
 *            TensorProto { 1 dtype 7   2 shape {}   8 string }
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct events events;

typedef struct events_scalar {
  const char *tag;
  double value; /* NaN: left out */
} events_scalar;

/* Makes a new file in a folder, which is made if it is missing.  0, or an exit code after a sentence. */
int events_open(const char *folder, events **out);
/* Each adds a record and flushes.  0, or an exit code after a sentence. */
int events_add(events *e, int64_t step, const events_scalar *values, int count);
int events_add_text(events *e, int64_t step, const char *tag, const char *text, size_t size);
/* NULL is allowed. */
void events_close(events *e);
/* Closes it and removes the file. */
void events_abandon(events *e);

#endif
