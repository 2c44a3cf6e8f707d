/* memory.h - the memories of the software device: global memory, and the shared memory of a block.
 *
 * An address of global memory is a number that the host cannot follow: the bytes lie elsewhere, so host code
 * that reads through a device pointer dies at once, and a kernel that is given a host pointer is told so.
 * Allocations have exactly their size, with free room around them; freed ones are not given out again soon.
 * Each byte knows whether it was ever written.
 */
#ifndef SOFT_MEMORY_H
#define SOFT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <map>
#include <vector>

namespace soft {

/* Addresses in a block's shared memory: 0xRROOOOOO, the rank + 1 in the cluster and the offset; rank byte 0 is
 * the block itself.  As generic addresses they stand above SHARED_WINDOW, local ones above LOCAL_WINDOW. */
enum : uint64_t { SHARED_WINDOW = 1ull << 56, LOCAL_WINDOW = 1ull << 57 };

struct Allocation {
  uint64_t begin;
  size_t bytes;
  bool live;
  uint64_t number; /* the how-manieth of the process */
};

struct Range {
  uint64_t begin, end;
};

class Memory {
public:
  Memory();
  /* 0 if the device is full. */
  uint64_t allocate(size_t bytes);
  /* False unless it is the begin of a live allocation. */
  bool release(uint64_t address);
  /* The allocation that holds or is nearest below the address; NULL if it is no address of the device. */
  const Allocation *find(uint64_t address) const;
  /* True if all of it is in one live allocation.  Those of the last questions are at hand. */
  bool holds(uint64_t address, size_t bytes) const {
    const Range &r = recent_[address >> 16 & (RECENT - 1)];
    if (address >= r.begin && address + bytes <= r.end && address + bytes >= address) return true;
    return looks_up(address, bytes);
  }
  bool is_device(uint64_t address) const; /* live or not */
  /* The nearest allocation above the address, NULL if there is none. */
  const Allocation *above(uint64_t address) const;

  unsigned char *bytes(uint64_t address) const { return data_ + (address - base_); }
  /* Four bits for each four bytes: which were written. */
  unsigned char *valid(uint64_t address) const { return valid_ + (address - base_) / 4; }
  void set_valid(uint64_t address, size_t bytes, bool valid);
  bool is_valid(uint64_t address, size_t bytes) const;
  uint64_t offset(uint64_t address) const { return address - base_; } /* for shadows of others */
  size_t reach() const { return reach_; }                             /* bytes of addresses */

  /* An allocation and some of what lies around it, which is nobody's. */
  static Range around(const Allocation &a);

  size_t live_bytes() const { return live_bytes_; }
  size_t live_count() const;
  size_t capacity = (size_t)8 << 30; /* of the device */

private:
  bool looks_up(uint64_t address, size_t bytes) const;
  uint64_t room(size_t bytes); /* where an allocation can begin; 0 if nowhere */
  void drop_pages(const Allocation &a);

  enum : uint64_t { RECENT = 64 };
  mutable Range recent_[RECENT] = {}; /* live allocations, by some bits of the address asked for */
  uint64_t base_ = 0, next_ = 0;
  size_t reach_ = 0, live_bytes_ = 0;
  uint64_t numbers_ = 0;
  unsigned char *data_ = nullptr, *valid_ = nullptr;
  std::map<uint64_t, Allocation> allocations_;
};

/* Shared memory of one block: static variables first, then the dynamic array. */
struct Shared {
  std::vector<unsigned char> bytes, valid; /* one byte of `valid` for each byte */
};

} // namespace soft

#endif
