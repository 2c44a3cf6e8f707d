/* memory.cpp - global memory: two large mappings of which the kernel of the host gives out pages as they are
 * touched, one for the bytes and one for which of them were written.
 */
#include "tests/soft/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

namespace soft {

namespace {

/* No x86-64 or arm64 processor follows this address. */
const uint64_t BASE = 0xD0ull << 48;
/* An allocation begins at a page and 256 bytes, which is all the alignment that CUDA promises; behind it and
 * in front of it is nothing for at least so many bytes. */
const size_t PAGE = 4096, ALIGNMENT = 256, GUARD = (size_t)1 << 16;
/* A freed address comes again after so many bytes of allocations. */
const size_t REACH_MOST = (size_t)1 << 38, REACH_LEAST = (size_t)1 << 32;

unsigned char *map(size_t bytes) {
  void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : (unsigned char *)p;
}

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

} // namespace

Memory::Memory() : base_(BASE), next_(BASE) {
  for (reach_ = REACH_MOST; reach_ >= REACH_LEAST; reach_ /= 2) {
    data_ = map(reach_);
    valid_ = map(reach_ / 4);
    if (data_ != nullptr && valid_ != nullptr) return;
    if (data_ != nullptr) munmap(data_, reach_);
    if (valid_ != nullptr) munmap(valid_, reach_ / 4);
  }
  fprintf(stderr, "soft: no room for the device's memory (%zu bytes of addresses)\n", REACH_LEAST);
  abort();
}

/* Goes round: what was freed first is given out again first. */
uint64_t Memory::room(size_t bytes) {
  const size_t all = round_up(GUARD + ALIGNMENT + bytes + GUARD, PAGE);
  if (all > reach_) return 0;
  uint64_t begin = next_;
  bool again = false;
  for (;;) {
    if (begin + all > base_ + reach_) {
      if (again) return 0;
      again = true;
      begin = base_;
    }
    auto a = allocations_.lower_bound(begin);
    while (a != allocations_.end() && a->first < begin + all && !a->second.live) a = allocations_.erase(a);
    if (a == allocations_.end() || a->first >= begin + all) break;
    begin = round_up(a->second.begin + a->second.bytes, PAGE);
  }
  next_ = begin + all - GUARD; /* the guard between two serves both */
  next_ = round_up(next_, PAGE);
  return begin + GUARD + ALIGNMENT;
}

uint64_t Memory::allocate(size_t bytes) {
  if (bytes == 0 || bytes > capacity || live_bytes_ > capacity - bytes) return 0;
  const uint64_t begin = room(bytes);
  if (begin == 0) return 0;
  allocations_[begin] = {begin, bytes, true, ++numbers_};
  live_bytes_ += bytes;
  return begin;
}

bool Memory::release(uint64_t address) {
  const auto found = allocations_.find(address);
  if (found == allocations_.end() || !found->second.live) return false;
  found->second.live = false;
  live_bytes_ -= found->second.bytes;
  for (Range &r : recent_) r = {0, 0};
  drop_pages(found->second);
  return true;
}

Range Memory::around(const Allocation &a) { return {a.begin - ALIGNMENT, a.begin + a.bytes + PAGE}; }

/* Whole pages of both mappings. */
void Memory::drop_pages(const Allocation &a) {
  const Range nobodys = around(a);
  const size_t pages = 4 * PAGE, first = offset(nobodys.begin) / pages * pages;
  const size_t bytes = round_up(offset(nobodys.end) - first, pages);
  madvise(data_ + first, bytes, MADV_DONTNEED);
  madvise(valid_ + first / 4, bytes / 4, MADV_DONTNEED);
}

bool Memory::is_device(uint64_t address) const { return address >= base_ && address - base_ < reach_; }

const Allocation *Memory::find(uint64_t address) const {
  auto a = allocations_.upper_bound(address);
  if (a == allocations_.begin()) return nullptr;
  return &(--a)->second;
}

const Allocation *Memory::above(uint64_t address) const {
  const auto a = allocations_.upper_bound(address);
  return a == allocations_.end() ? nullptr : &a->second;
}

bool Memory::looks_up(uint64_t address, size_t bytes) const {
  const Allocation *a = find(address);
  if (a == nullptr || !a->live || address - a->begin > a->bytes || bytes > a->bytes - (address - a->begin))
    return false;
  recent_[address >> 16 & (RECENT - 1)] = {a->begin, a->begin + a->bytes};
  return true;
}

size_t Memory::live_count() const {
  size_t count = 0;
  for (const auto &a : allocations_) count += a.second.live;
  return count;
}

/* ---- which bytes were written ---- */

namespace {

/* The bits of bytes [from, to) of a group of four. */
unsigned bits(size_t from, size_t to) { return (0xFu >> (4 - (to - from))) << from; }

/* Calls f(byte of `valid`, its bits) for the groups that are touched in part, g(first, count) for whole ones. */
template <class F, class G> void each_group(unsigned char *valid, size_t offset, size_t bytes, F f, G g) {
  if (bytes == 0) return;
  const size_t head = offset % 4;
  if (head != 0) {
    const size_t part = bytes < 4 - head ? bytes : 4 - head;
    f(*valid, bits(head, head + part));
    valid++;
    bytes -= part;
  }
  g(valid, bytes / 4);
  if (bytes % 4 != 0) f(valid[bytes / 4], bits(0, bytes % 4));
}

} // namespace

void Memory::set_valid(uint64_t address, size_t bytes, bool written) {
  each_group(
      valid(address), offset(address), bytes,
      [&](unsigned char &group, unsigned b) { group = (unsigned char)(written ? group | b : group & ~b); },
      [&](unsigned char *first, size_t count) { memset(first, written ? 0xF : 0, count); });
}

bool Memory::is_valid(uint64_t address, size_t bytes) const {
  bool all = true;
  each_group(
      valid(address), offset(address), bytes,
      [&](const unsigned char &group, unsigned b) { all &= (group & b) == b; },
      [&](const unsigned char *first, size_t count) {
        for (size_t i = 0; all && i < count; i++) all = (first[i] & 0xF) == 0xF;
      });
  return all;
}

} // namespace soft
