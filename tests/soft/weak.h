/* weak.h - weak behaviour of global memory, which real devices show seldom and this one often.
 *
 *   late stores   what a block stores (weak or relaxed) stays with the block for a random time, element by
 *                 element in any order, those of one place in their own order.  The block sees it at once.
 *   stale lines   what a block loads through its first-level cache stays there as it was when it was first
 *                 read, in lines of 128 bytes, until a thread of the block acquires something.
 *
 * A release or fence that reaches beyond the block lets the block's late stores out, and so does its end.
 * Machine::land_one lets a single one out.
 */
#ifndef SOFT_WEAK_H
#define SOFT_WEAK_H

#include "tests/soft/machine.h"

namespace soft {

extern bool weak; /* on; not to be changed while a launch runs */

/* One element of at most 8 bytes, as the block's threads see it. */
void weak_store(const Block &block, uint64_t address, unsigned bytes, uint64_t value);
uint64_t weak_load(const Block &block, uint64_t address, unsigned bytes, bool first_level);

/* Lets out the block's late stores: all, those of a place, or one or a few of any block (false if there is none).
 * Whoever polls looks again after each time, which with one store at a time is most of a run. */
void late_stores_out(const Block &block);
void late_stores_out(const Block &block, uint64_t address, unsigned bytes);
bool late_store_out();
size_t late_stores(); /* of all blocks */

void forget_lines(const Block &block);                  /* an acquire */
void forget_line(const Block &block, uint64_t address); /* an atomic there */
void block_forgotten(const Block &block);               /* at its end: lets its stores out */
void weak_clear();                                      /* a launch failed: late stores are lost */

} // namespace soft

#endif
