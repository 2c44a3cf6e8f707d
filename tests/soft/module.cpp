/* module.cpp - the PTX text of an object, cut into kernels, functions and variables; and the pieces of text that
 * parse.cpp shares (text.h).
 */
#include "tests/soft/text.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

namespace soft {

void refuse(const std::string &what, const std::string &where) {
  throw std::runtime_error("PTX: " + what + " in `" + where + "`");
}

std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0, end;
  while ((end = text.find(separator, begin)) != std::string::npos) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::string trim(const std::string &s) {
  const size_t first = s.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return s.substr(first, s.find_last_not_of(" \t\r\n") - first + 1);
}

int type_bytes(const std::string &type) {
  static const std::map<std::string, int> bytes = {
      {"pred", 0}, {"b8", 1},   {"u8", 1},  {"s8", 1},  {"b16", 2},   {"u16", 2},   {"s16", 2},
      {"f16", 2},  {"bf16", 2}, {"b32", 4}, {"u32", 4}, {"s32", 4},   {"f32", 4},   {"tf32", 4},
      {"b64", 8},  {"u64", 8},  {"s64", 8}, {"f64", 8}, {"f16x2", 4}, {"bf16x2", 4}};
  const auto found = bytes.find(type[0] == '.' ? type.substr(1) : type);
  return found == bytes.end() ? -1 : found->second;
}

Variable read_variable(const std::string &text, size_t *align) {
  Variable v = {"", Space::global, 0, 0};
  size_t element = 0, count = 1;
  *align = 0;
  const std::vector<std::string> words = split(text, ' ');
  for (size_t i = 0; i < words.size(); i++) {
    const std::string &w = words[i];
    if (w == ".shared")
      v.space = Space::shared;
    else if (w == ".local")
      v.space = Space::local;
    else if (w == ".param")
      v.space = Space::param;
    else if (w == ".align")
      *align = strtoul(words[++i].c_str(), nullptr, 10);
    else if (!w.empty() && w[0] == '.' && type_bytes(w) > 0)
      element = (size_t)type_bytes(w);
    else if (!w.empty() && w[0] != '.') {
      const size_t bracket = w.find('[');
      v.name = w.substr(0, bracket);
      if (bracket != std::string::npos) count = strtoul(w.c_str() + bracket + 1, nullptr, 10);
      break;
    }
  }
  if (element == 0) refuse("a variable without a type", text);
  if (*align == 0) *align = element;
  v.bytes = element * count;
  return v;
}

namespace {

/* "... = {65, 144, 67}": the bytes of an initialised variable. */
std::vector<unsigned char> read_initial(const std::string &text) {
  std::vector<unsigned char> bytes;
  const size_t open = text.find('{');
  if (open == std::string::npos) return bytes;
  if (text.find(".b8 ") == std::string::npos) refuse("an initialiser that is not of bytes", text);
  for (const std::string &part : split(text.substr(open + 1, text.find('}') - open - 1), ','))
    bytes.push_back((unsigned char)strtoul(part.c_str(), nullptr, 10));
  return bytes;
}

/* The variables in a piece of text between entries. */
void read_outers(const std::string &text, Module *module) {
  for (const std::string &part : split(text, ';')) {
    const size_t begin =
        std::min(part.find(".extern .shared"), std::min(part.find(".shared "), part.find(".global ")));
    if (begin == std::string::npos) continue;
    const std::string declaration = trim(part.substr(begin));
    Module::Outer outer;
    outer.variable = read_variable(declaration, &outer.align);
    outer.initial = read_initial(declaration);
    module->outers.push_back(outer);
  }
}

/* ".func (results) NAME (arguments) {...}"; prototypes, which end in `;`, are passed over. */
void read_functions(const std::string &all, Module *module) {
  size_t at = 0;
  while ((at = all.find("\n.func", at)) != std::string::npos) {
    const size_t body = all.find('{', at), semicolon = all.find(';', at);
    at++;
    if (body == std::string::npos || semicolon < body) continue;
    Module::Function f = {"", {}, body, body};
    const std::string head = all.substr(at, body - at);
    for (size_t open = head.find('('); open != std::string::npos; open = head.find('(', open + 1)) {
      const size_t close = head.find(')', open);
      for (const std::string &part : split(head.substr(open + 1, close - open - 1), ',')) {
        size_t align;
        if (!trim(part).empty()) f.parameters.push_back(read_variable(trim(part), &align).name);
      }
      const size_t word = head.find_last_not_of(" \t\n", open - 1);
      const size_t begin = head.find_last_of(" \t\n", word);
      if (head[word] != ')') f.name = head.substr(begin + 1, word - begin);
    }
    int depth = 0;
    do {
      depth += all[f.end] == '{' ? 1 : all[f.end] == '}' ? -1 : 0;
      f.end++;
    } while (depth > 0 && f.end < all.size());
    module->functions.push_back(f);
  }
}

} // namespace

Module read_module(const char *text, size_t bytes) {
  Module module;
  module.text.assign(text, strnlen(text, bytes));
  const std::string &all = module.text;
  size_t at = 0, previous = 0;
  while ((at = all.find(".entry ", at)) != std::string::npos) {
    read_outers(all.substr(previous, at - previous), &module);
    const size_t begin = at + strlen(".entry "), open = all.find('(', begin);
    int depth = 0;
    size_t end = all.find('{', open);
    do {
      depth += all[end] == '{' ? 1 : all[end] == '}' ? -1 : 0;
      end++;
    } while (depth > 0 && end < all.size());
    module.entries.push_back({trim(all.substr(begin, open - begin)), begin, end});
    at = previous = end;
  }
  read_functions(all, &module);
  at = 0;
  while ((at = all.find("\n.file", at)) != std::string::npos) {
    const size_t number = strtoul(all.c_str() + at + strlen("\n.file"), nullptr, 10);
    const size_t quote = all.find('"', at), end = all.find('"', quote + 1);
    if (module.files.size() <= number) module.files.resize(number + 1);
    module.files[number] = all.substr(quote + 1, end - quote - 1);
    at = end;
  }
  return module;
}

} // namespace soft
