/* parse.cpp - reads PTX as nvcc writes it: one statement after another, no expressions.
 *
 * Scopes nest: braces come from inline assembly, and their registers and labels hide those outside.  Source:
 * PTX ISA 9.0, chapters "Syntax" and "State spaces, types, and variables".
 */
#include "tests/soft/draft.h"
#include "tests/soft/text.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

namespace soft {

namespace {

/* The last type in an instruction's name: "cvt.s64.s32" has s32. */
int operand_bytes(const std::string &name) {
  const std::vector<std::string> parts = split(name, '.');
  for (size_t i = parts.size(); i-- > 1;)
    if (type_bytes(parts[i]) >= 0) return type_bytes(parts[i]);
  return 4; /* bar.sync 0 and its like */
}

/* A number: 12, -3, 0x1F, 0f3F800000 (a float's bits), 0d... (a double's). */
bool read_number(const std::string &text, uint64_t *value) {
  if (text.empty() || !(isdigit((unsigned char)text[0]) || (text[0] == '-' && text.size() > 1))) return false;
  if (text.size() > 2 && text[0] == '0' && strchr("fFdD", text[1])) {
    *value = strtoull(text.c_str() + 2, nullptr, 16);
    return true;
  }
  char *end = nullptr;
  *value = text[0] == '-' ? (uint64_t)strtoll(text.c_str(), &end, 0) : strtoull(text.c_str(), &end, 0);
  return *end == '\0' || strcmp(end, "U") == 0;
}

struct Scope {
  std::map<std::string, uint32_t> registers, labels;
  std::map<std::string, std::pair<uint32_t, uint32_t>> ranges; /* "%r" of %r<12>: first register, count */
  std::map<std::string, Variable> variables;
  std::vector<std::pair<uint32_t, std::string>> jumps; /* steps whose label was not known yet */
};

class Parser {
public:
  Parser(const Module &module, const Module::Entry &entry) : module_(module), entry_(entry) {}
  Kernel parse();

private:
  void head(const std::string &text);
  void statement(const std::string &text);
  void directive(const std::string &text);
  void declare_registers(const std::string &text);
  void declare_variable(const std::string &text);
  void location(const std::string &text);
  void instruction(const std::string &text);
  void call(const std::vector<std::string> &operands);
  void body(const std::string &text, size_t at);
  void operand(Step *step, const std::string &text, bool written);
  void value(Step *step, const std::string &text, bool written);
  void address(Step *step, const std::string &text);
  void open_scope() { scopes_.emplace_back(); }
  void close_scope();
  const Variable *find_variable(const std::string &name);
  bool find_register(const std::string &name, uint32_t *number);
  uint32_t special(const std::string &name);
  uint8_t immediate_size(const Step &step) const;

  const Module &module_;
  const Module::Entry &entry_;
  Kernel kernel_;
  Draft draft_;
  std::vector<Scope> scopes_;
  std::map<std::string, uint32_t> specials_;
  uint32_t line_ = 0;
  int inlined_ = 0; /* functions whose bodies are being read */
};

/* ---- variables ---- */

size_t place(size_t *used, const Variable &v, size_t align) {
  const size_t offset = (*used + align - 1) / align * align;
  *used = offset + v.bytes;
  return offset;
}

void Parser::declare_variable(const std::string &text) {
  size_t align;
  Variable v = read_variable(text, &align);
  if (v.space == Space::param) v.space = Space::local; /* of a call */
  if (v.space == Space::shared)
    v.offset = place(&kernel_.static_shared_bytes, v, align);
  else if (v.space == Space::local)
    v.offset = place(&kernel_.local_bytes, v, align);
  else
    refuse("a variable of a space that is not modelled", text);
  scopes_.back().variables[v.name] = v;
}

const Variable *Parser::find_variable(const std::string &name) {
  for (size_t i = scopes_.size(); i-- > 0;) {
    const auto found = scopes_[i].variables.find(name);
    if (found != scopes_[i].variables.end()) return &found->second;
  }
  for (const Module::Outer &outer : module_.outers) {
    if (outer.variable.name != name) continue;
    Variable v = outer.variable;
    if (v.space == Space::shared)
      v.offset = v.bytes == 0 ? 0 : place(&kernel_.static_shared_bytes, v, outer.align);
    return &(scopes_.front().variables[name] = v);
  }
  return nullptr;
}

/* ---- registers ---- */

void Parser::declare_registers(const std::string &text) {
  const size_t type_begin = text.find('.', 1), names = text.find(' ', type_begin);
  const int bytes = type_bytes(trim(text.substr(type_begin, names - type_begin)));
  if (bytes < 0) refuse("a register of unknown type", text);
  for (std::string name : split(text.substr(names), ',')) {
    name = trim(name);
    const size_t angle = name.find('<');
    const uint32_t first = (uint32_t)draft_.registers.size();
    uint32_t count = 1;
    if (angle != std::string::npos) {
      count = (uint32_t)strtoul(name.c_str() + angle + 1, nullptr, 10);
      scopes_.back().ranges[name.substr(0, angle)] = {first, count};
    } else {
      scopes_.back().registers[name] = first;
    }
    draft_.registers.resize(first + count, {(uint8_t)bytes, ""});
  }
}

bool Parser::find_register(const std::string &name, uint32_t *number) {
  size_t digits = name.size();
  while (digits > 0 && isdigit((unsigned char)name[digits - 1])) digits--;
  for (size_t i = scopes_.size(); i-- > 0;) {
    const Scope &scope = scopes_[i];
    const auto single = scope.registers.find(name);
    if (single != scope.registers.end()) {
      *number = single->second;
      return true;
    }
    const auto range = digits < name.size() ? scope.ranges.find(name.substr(0, digits)) : scope.ranges.end();
    if (range == scope.ranges.end()) continue;
    const uint32_t index = (uint32_t)strtoul(name.c_str() + digits, nullptr, 10);
    if (index >= range->second.second) continue;
    *number = range->second.first + index;
    return true;
  }
  return false;
}

uint32_t Parser::special(const std::string &name) {
  const auto found = specials_.find(name);
  if (found != specials_.end()) return found->second;
  const uint32_t number = (uint32_t)draft_.registers.size();
  draft_.registers.push_back({4, name});
  return specials_[name] = number;
}

/* ---- operands ---- */

/* The dynamic array begins behind all static ones, which are known at the end. */
Value::Kind kind_of(const Variable &v) { return v.bytes == 0 ? Value::dynamic : Value::constant; }

/* The size of a number's lanes: that of the type, but shifts count in 32 bits, and so do masks and lanes. */
uint8_t Parser::immediate_size(const Step &step) const {
  const std::string &name = step.name;
  const size_t index = step.values.size();
  if ((name.compare(0, 3, "shl") == 0 || name.compare(0, 3, "shr") == 0 || name.compare(0, 3, "bfe") == 0) &&
      index >= 2)
    return 4;
  if (name.compare(0, 3, "bfi") == 0 && index >= 3) return 4;
  if (name.compare(0, 4, "vote") == 0 && index == 1) return 0;
  if (name.compare(0, 4, "vote") == 0 || name.compare(0, 4, "shfl") == 0 || name.compare(0, 3, "bar") == 0 ||
      name.compare(0, 8, "mbarrier") == 0 || name.compare(0, 8, "cp.async") == 0)
    return 4;
  return (uint8_t)operand_bytes(name);
}

void Parser::value(Step *step, const std::string &text, bool written) {
  Value v = {Value::constant, 0, written, 0, 0};
  uint32_t number;
  uint64_t bits;
  if (text == "_") {
    v.kind = Value::nobody;
    v.size = (uint8_t)operand_bytes(step->name);
  } else if (find_register(text, &number)) {
    v.kind = Value::reg;
    v.number = number;
    v.size = draft_.registers[number].size;
  } else if (read_number(text, &bits)) {
    v.size = immediate_size(*step);
    v.bits = v.size != 0 ? bits : bits != 0 ? uint64_t(ALL_LANES) : 0;
  } else if (text[0] == '%') {
    v.kind = Value::reg;
    v.number = special(text);
    v.size = 4;
  } else if (const Variable *variable = find_variable(text)) {
    v.kind = kind_of(*variable);
    v.size = (uint8_t)operand_bytes(step->name);
    v.bits = variable->offset;
  } else {
    refuse("an operand that is nothing known: " + text, step->name);
  }
  step->values.push_back(v);
}

/* [base], [base+8], [base+-8], [name+8] */
void Parser::address(Step *step, const std::string &text) {
  const size_t plus = text.find('+');
  const std::string base = trim(text.substr(0, plus));
  int64_t displacement = 0;
  if (plus != std::string::npos) displacement = strtoll(text.c_str() + plus + 1, nullptr, 0);
  uint32_t number;
  uint64_t bits;
  if (!find_register(base, &number) && !read_number(base, &bits)) { /* a variable: 64 bits hold any address */
    const Variable *variable = find_variable(base);
    if (variable == nullptr) refuse("an address of nothing known: " + base, step->name);
    const size_t space = step->name.find(".param");
    if (variable->space == Space::local && space != std::string::npos) step->name.replace(space, 6, ".local");
    step->values.push_back({kind_of(*variable), 8, false, 0, variable->offset});
  } else {
    value(step, base, false);
  }
  if (displacement != 0) step->displacement = displacement;
}

/* a, {a, b}, [a+8], a|b, -a is a number */
void Parser::operand(Step *step, const std::string &text, bool written) {
  if (text[0] == '[') return address(step, trim(text.substr(1, text.size() - 2)));
  if (text[0] == '{') {
    for (const std::string &part : split(text.substr(1, text.size() - 2), ','))
      value(step, trim(part), written);
    return;
  }
  for (const std::string &part : split(text, '|')) value(step, trim(part), written);
}

/* At commas outside of braces and brackets. */
std::vector<std::string> operands_of(const std::string &text) {
  std::vector<std::string> parts;
  int depth = 0;
  std::string part;
  for (const char c : text) {
    if (c == '{' || c == '[' || c == '(') depth++;
    if (c == '}' || c == ']' || c == ')') depth--;
    if (c == ',' && depth == 0) {
      parts.push_back(trim(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!trim(part).empty()) parts.push_back(trim(part));
  return parts;
}

/* ---- statements ---- */

void Parser::instruction(const std::string &text) {
  Step step = {"", {}, 0, false, false, 0, false, 0, line_};
  size_t at = 0;
  if (text[0] == '@') {
    step.guarded = true;
    step.negated = text[1] == '!';
    const size_t begin = step.negated ? 2 : 1, end = text.find_first_of(" \t", begin);
    if (!find_register(text.substr(begin, end - begin), &step.guard)) refuse("an unknown guard", text);
    at = text.find_first_not_of(" \t", end);
  }
  const size_t end = text.find_first_of(" \t", at);
  step.name = text.substr(at, end == std::string::npos ? end : end - at);
  const std::string rest = end == std::string::npos ? "" : trim(text.substr(end));
  if (step.name.compare(0, 4, "call") == 0) return call(operands_of(rest));
  if (step.name.compare(0, 3, "bra") == 0 || (step.name == "ret" && inlined_ > 0)) {
    step.jumps = true;
    scopes_.back().jumps.push_back({(uint32_t)draft_.steps.size(), step.name == "ret" ? "$return" : rest});
    if (step.name == "ret") step.name = "bra";
  } else {
    bool written = !writes_nothing(step.name);
    for (const std::string &part : operands_of(rest)) {
      operand(&step, part, written && part[0] != '[');
      written = false;
    }
  }
  if (step.values.size() > OPERANDS) refuse("too many operands", text);
  draft_.steps.push_back(step);
}

/* .loc 3 116 45, function_name ..., inlined_at ...: the innermost place. */
void Parser::location(const std::string &text) {
  unsigned file = 0, line = 0;
  if (sscanf(text.c_str(), ".loc %u %u", &file, &line) != 2 || line == 0) return;
  line_ = (uint32_t)kernel_.lines.size();
  kernel_.lines.push_back({file, line});
}

void Parser::directive(const std::string &text) {
  if (text.compare(0, 5, ".reg ") == 0) return declare_registers(text);
  for (const char *space : {".shared ", ".local ", ".param "})
    if (text.compare(0, strlen(space), space) == 0) return declare_variable(text);
  if (text.compare(0, 7, ".pragma") == 0) return;
  refuse("an unknown directive", text);
}

void Parser::statement(const std::string &text) {
  if (text.empty()) return;
  if (text[0] == '.')
    directive(text);
  else
    instruction(text);
}

void Parser::close_scope() {
  Scope closing = scopes_.back();
  scopes_.pop_back();
  for (const auto &jump : closing.jumps) {
    const auto label = closing.labels.find(jump.second);
    if (label != closing.labels.end())
      draft_.steps[jump.first].target = label->second;
    else if (scopes_.empty())
      refuse("a branch to nowhere", jump.second);
    else
      scopes_.back().jumps.push_back(jump);
  }
}

/* ".visible .entry NAME(" parameters ")" directives */
void Parser::head(const std::string &text) {
  scopes_.emplace_back();
  const size_t open = text.find('('), close = text.rfind(')');
  for (const std::string &part : split(text.substr(open + 1, close - open - 1), ',')) {
    if (trim(part).empty()) continue;
    size_t align;
    Variable v = read_variable(trim(part), &align);
    v.offset = place(&kernel_.parameter_bytes, v, align);
    kernel_.parameters.push_back(v);
    scopes_.back().variables[v.name] = v;
  }
  const size_t threads = text.find(".maxntid", close);
  unsigned x = 1024, y = 1, z = 1;
  if (threads != std::string::npos) sscanf(text.c_str() + threads, ".maxntid %u, %u, %u", &x, &y, &z);
  kernel_.max_threads = x * y * z;
}

/* Everything between the braces at text[at]. */
void Parser::body(const std::string &text, size_t at) {
  const size_t depth = scopes_.size();
  std::string part; /* the statement so far */
  int vector = 0;   /* inside the braces of an operand */
  for (; at < text.size(); at++) {
    const char c = text[at];
    const bool empty = part.find_first_not_of(" \t\r\n") == std::string::npos;
    if (c == '{' && empty) {
      open_scope();
    } else if (c == '}' && empty && vector == 0) {
      if (scopes_.size() == depth + 1) scopes_.back().labels["$return"] = (uint32_t)draft_.steps.size();
      close_scope();
      if (scopes_.size() == depth) break;
    } else if (c == ';') {
      statement(trim(part));
      part.clear();
    } else if (c == ':' && vector == 0 && text[at + 1] != ':' && text[at - 1] != ':' &&
               trim(part).find_first_of(" \t[") == std::string::npos) {
      scopes_.back().labels[trim(part)] = (uint32_t)draft_.steps.size();
      part.clear();
    } else if (c == '\n' && trim(part).compare(0, 4, ".loc") == 0) {
      location(trim(part));
      part.clear();
    } else {
      vector += c == '{' ? 1 : c == '}' ? -1 : 0;
      part += c == '\n' ? ' ' : c;
    }
  }
}

/* call (results), NAME, (arguments): the body of the function stands here instead.  Its parameters are the
 * caller's `.param` variables, which lie in local memory, and its `ret` goes to its end. */
void Parser::call(const std::vector<std::string> &operands) {
  std::vector<std::string> given;
  std::string name;
  for (const std::string &part : operands) {
    if (part[0] != '(') {
      name = part;
      continue;
    }
    for (const std::string &each : split(part.substr(1, part.size() - 2), ',')) given.push_back(trim(each));
  }
  for (const Module::Function &f : module_.functions) {
    if (f.name != name || f.parameters.size() != given.size()) continue;
    open_scope();
    for (size_t i = 0; i < given.size(); i++) {
      const Variable *v = find_variable(given[i]);
      if (v == nullptr) refuse("an argument of nothing known: " + given[i], name);
      scopes_.back().variables[f.parameters[i]] = *v;
    }
    inlined_++;
    body(module_.text.substr(f.begin, f.end - f.begin), 0);
    inlined_--;
    close_scope();
    return;
  }
  refuse("a call of an unknown function", name);
}

Kernel Parser::parse() {
  kernel_.name = entry_.name;
  kernel_.files = module_.files;
  kernel_.lines.push_back({0, 0});
  const std::string text = module_.text.substr(entry_.begin, entry_.end - entry_.begin);
  const size_t begin = text.find('{');
  head(text.substr(0, begin));
  body(text, begin);
  close_scope();
  kernel_.static_shared_bytes = (kernel_.static_shared_bytes + 15) / 16 * 16;
  for (Step &step : draft_.steps)
    for (Value &v : step.values)
      if (v.kind == Value::dynamic) v.bits += kernel_.static_shared_bytes;
  lower(draft_, &kernel_);
  return kernel_;
}

} // namespace

bool writes_nothing(const std::string &name) {
  static const char *const none[] = {"st.",
                                     "red.",
                                     "bra",
                                     "bar.",
                                     "barrier.",
                                     "ret",
                                     "exit",
                                     "trap",
                                     "brkpt",
                                     "fence.",
                                     "membar",
                                     "prefetch",
                                     "cp.",
                                     "nanosleep",
                                     "mbarrier.init",
                                     "mbarrier.inval",
                                     "mbarrier.expect_tx"};
  for (const char *prefix : none)
    if (name.compare(0, strlen(prefix), prefix) == 0) return true;
  return name == "exit" || name == "ret";
}

Kernel decode(const Module &module, const Module::Entry &entry) {
  Parser parser(module, entry);
  return parser.parse();
}

} // namespace soft
