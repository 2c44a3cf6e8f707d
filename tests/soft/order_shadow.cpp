/* order_shadow.cpp - room for the cells of the shadow memory: order_shadow.h. */
#include "tests/soft/order_shadow.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>
#include <utility>

namespace soft {

Shadow::Shadow(size_t bytes) : count_(bytes / 4 + 1) {
  void *room = mmap(NULL, count_ * sizeof(Cell), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  cells_ = static_cast<Cell *>(room);
}

Shadow::~Shadow() {
  if (cells_ != nullptr) munmap(cells_, count_ * sizeof(Cell));
}

Shadow::Shadow(Shadow &&other) noexcept
    : cells_(std::exchange(other.cells_, nullptr)), count_(std::exchange(other.count_, 0)) {}

Shadow &Shadow::operator=(Shadow &&other) noexcept {
  std::swap(cells_, other.cells_);
  std::swap(count_, other.count_);
  return *this;
}

void Shadow::forget(uint64_t offset, size_t bytes) {
  if (cells_ == nullptr) return;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  unsigned char *begin = reinterpret_cast<unsigned char *>(at(offset));
  unsigned char *end = reinterpret_cast<unsigned char *>(at(offset + bytes + 3));
  unsigned char *first = begin + (page - reinterpret_cast<uintptr_t>(begin) % page) % page;
  unsigned char *last = end - reinterpret_cast<uintptr_t>(end) % page;
  if (first >= last) {
    memset(begin, 0, (size_t)(end - begin));
    return;
  }
  memset(begin, 0, (size_t)(first - begin));
  madvise(first, (size_t)(last - first), MADV_DONTNEED);
  memset(last, 0, (size_t)(end - last));
}

} // namespace soft
