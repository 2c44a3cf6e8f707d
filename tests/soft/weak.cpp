/* weak.cpp - late stores and stale lines. */
#include "tests/soft/weak.h"

#include <array>
#include <cstring>
#include <map>
#include <unordered_map>
#include <vector>

namespace soft {

bool weak = false;

namespace {

enum : uint64_t { WORD = 8, LINE = 128 };

/* Some bytes of a word that are on their way. */
struct Late {
  unsigned first, bytes;
  uint64_t value;
};

struct View {
  std::unordered_map<uint64_t, std::vector<Late>> late; /* by word, the oldest first */
  std::vector<uint64_t> words;                          /* those with late stores, in any order */
  std::unordered_map<uint64_t, std::array<unsigned char, LINE>> lines;
};

/* What each block sees otherwise than it is; by the block's number, so that a seed gives the same run again. */
std::map<uint64_t, View> views;
size_t count; /* of late stores */

/* The oldest one there, to memory and to the block's own line of it. */
void let_out(View &view, uint64_t word) {
  std::vector<Late> &queue = view.late[word];
  const Late &l = queue.front();
  memcpy(machine().memory.bytes(word) + l.first, &l.value, l.bytes);
  const auto line = view.lines.find(word / LINE * LINE);
  if (line != view.lines.end()) memcpy(&line->second[word % LINE + l.first], &l.value, l.bytes);
  queue.erase(queue.begin());
  if (queue.empty()) view.late.erase(word);
  count--;
}

void let_out_at(View &view, size_t i) {
  const uint64_t word = view.words[i];
  let_out(view, word);
  if (view.late.count(word) != 0) return;
  view.words[i] = view.words.back();
  view.words.pop_back();
}

} // namespace

void weak_store(const Block &block, uint64_t address, unsigned bytes, uint64_t value) {
  View &view = views[block.number];
  const uint64_t word = address / WORD * WORD;
  std::vector<Late> &queue = view.late[word];
  if (queue.empty()) view.words.push_back(word);
  queue.push_back({(unsigned)(address - word), bytes, value});
  count++;
}

uint64_t weak_load(const Block &block, uint64_t address, unsigned bytes, bool first_level) {
  View &view = views[block.number];
  const uint64_t word = address / WORD * WORD, line = address / LINE * LINE;
  unsigned char seen[WORD];
  const unsigned char *from = machine().memory.bytes(word);
  if (first_level) {
    const auto kept = view.lines.try_emplace(line);
    if (kept.second) memcpy(&kept.first->second, machine().memory.bytes(line), LINE);
    from = &kept.first->second[word - line];
  }
  memcpy(seen, from, WORD);
  const auto late = view.late.find(word);
  if (late != view.late.end())
    for (const Late &l : late->second) memcpy(seen + l.first, &l.value, l.bytes);
  uint64_t value = 0;
  memcpy(&value, seen + (address - word), bytes);
  return value;
}

void late_stores_out(const Block &block) {
  const auto found = views.find(block.number);
  if (found == views.end()) return;
  View &view = found->second;
  if (!view.words.empty()) machine().changed();
  while (!view.words.empty()) let_out_at(view, machine().random(view.words.size()));
}

void late_stores_out(const Block &block, uint64_t address, unsigned bytes) {
  const auto found = views.find(block.number);
  if (found == views.end()) return;
  View &view = found->second;
  for (size_t i = 0; i < view.words.size();) {
    const uint64_t word = view.words[i];
    if (word < address + bytes && address < word + WORD)
      let_out_at(view, i);
    else
      i++;
  }
}

bool late_store_out() {
  std::vector<View *> waiting;
  for (auto &v : views)
    if (!v.second.words.empty()) waiting.push_back(&v.second);
  if (waiting.empty()) return false;
  View &view = *waiting[machine().random(waiting.size())];
  size_t burst = machine().random(4) == 0 ? 1 : 1 + machine().random(32);
  for (; burst > 0 && !view.words.empty(); burst--) let_out_at(view, machine().random(view.words.size()));
  machine().changed();
  return true;
}

size_t late_stores() { return count; }

void forget_lines(const Block &block) {
  const auto found = views.find(block.number);
  if (found != views.end()) found->second.lines.clear();
}

void forget_line(const Block &block, uint64_t address) {
  const auto found = views.find(block.number);
  if (found != views.end()) found->second.lines.erase(address / LINE * LINE);
}

void block_forgotten(const Block &block) {
  late_stores_out(block);
  views.erase(block.number);
}

void weak_clear() {
  views.clear();
  count = 0;
}

} // namespace soft
