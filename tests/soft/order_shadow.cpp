/* order_shadow.cpp - room for the cells of the shadow memory: order_shadow.h. */
#include "tests/soft/order_shadow.h"

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
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(at(offset)) + page - 1) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(at(offset + bytes)) / page * page;
  if (begin < end) madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

} // namespace soft
