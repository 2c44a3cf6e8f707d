/* text.h - small pieces of PTX text: words, types, declarations of variables (module.cpp). */
#ifndef SOFT_TEXT_H
#define SOFT_TEXT_H

#include "tests/soft/ptx.h"

#include <string>
#include <vector>

namespace soft {

/* Throws std::runtime_error: "PTX: WHAT in `WHERE`". */
[[noreturn]] void refuse(const std::string &what, const std::string &where);

std::vector<std::string> split(const std::string &text, char separator);
std::string trim(const std::string &text);

/* Bytes of a type, ".f32" or "f32"; 0 for a predicate, -1 if it is none. */
int type_bytes(const std::string &type);

/* ".shared .align 16 .b8 name[4352]": space, name and bytes, 0 where the brackets are empty; *align in bytes.  An
 * initialiser is not read. */
Variable read_variable(const std::string &text, size_t *align);

} // namespace soft

#endif
