/* ptx.h - a kernel of a .cu file as the machine runs it: nvcc's PTX, decoded (parse.cpp, lower.cpp).
 *
 * A register is an array of 32 lanes of its declared width, a predicate is one 32-bit mask.  Registers lie in
 * the frame of a warp; immediates, addresses of variables and sizes of the launch are arrays of 32 lanes as
 * well, so that an instruction has one handler whatever its operands are.  A handler does the instruction for
 * the lanes it is told and leaves the registers of the others alone.
 */
#ifndef SOFT_PTX_H
#define SOFT_PTX_H

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <vector>

namespace soft {

struct Warp;
struct Instruction;

enum : unsigned { WARP = 32 };
enum : uint32_t { ALL_LANES = 0xFFFFFFFFu };

/* What becomes of the warp after a handler. */
enum class After : uint8_t {
  next, /* its lanes go on with the instruction below */
  jump, /* the handler has moved the lanes itself */
  wait, /* not executed yet: other warps run, then it is tried again */
  poll  /* executed, but a loop that waits would come back here: other warps should run first */
};

typedef After Handler(Warp &warp, const Instruction &instruction, uint32_t lanes);

/* Where an operand lies: so many bytes into the warp's frame, or into the kernel's constants. */
struct Place {
  uint32_t offset : 31, constant : 1;
};
inline Place in_frame(uint32_t offset) { return {offset & 0x7FFFFFFFu, 0}; }
inline Place in_constants(uint32_t offset) { return {offset & 0x7FFFFFFFu, 1}; }

enum class Space : uint8_t { generic, global, shared, cluster, local, param };
enum class Strength : uint8_t { weak, relaxed, acquire, release, acq_rel, sc };
enum class Scope : uint8_t { none, cta, cluster, gpu, sys };
enum class Cache : uint8_t { all, l2, read_only }; /* .ca, .cg, .nc */

/* How a load, a store, an atomic or a fence goes to memory. */
struct Access {
  Space space;
  Strength strength;
  Scope scope;
  Cache cache;
  uint8_t bytes;    /* of one element */
  uint8_t elements; /* 1, 2 or 4 */
  bool sign;        /* a narrow load extends the sign */
};

enum : unsigned { OPERANDS = 14 };

/* Operands stand in the order of the text, vectors {a, b} one by one and an address [base+displacement] as its
 * base: `ld.global.v2.f32 {x, y}, [p+8]` has at = x, y, p; `st` begins with the address. */
struct Instruction {
  Handler *run;
  int64_t displacement;      /* of the address, if there is one */
  Place at[OPERANDS];        /* `_` is a place that nobody reads */
  uint8_t size[OPERANDS];    /* bytes of a lane there; 0: a predicate */
  uint8_t operands, results; /* the first so many of them are written */
  bool guarded, negated;     /* @p, @!p */
  Place guard;
  uint32_t target; /* of a branch: an index into the code */
  uint32_t opcode; /* its name: Kernel::opcodes */
  uint32_t line;   /* its place in the source: Kernel::lines */
  Access access;
};

struct Line {
  uint32_t file, line; /* 0: not known */
};

/* A variable of the kernel in shared or local memory, a parameter, or a variable in global memory. */
struct Variable {
  std::string name;
  Space space;
  uint64_t offset; /* in the block's shared memory, in a lane's local memory, in the parameters */
  size_t bytes;
};

/* A special register (%tid.x, ...) that the kernel reads. */
struct Special {
  std::string name;
  Place place;
  uint8_t size;
};

struct Kernel {
  std::string name;
  std::vector<Instruction> code;
  std::vector<std::string> opcodes; /* each name once */
  std::vector<Line> lines;
  std::vector<std::string> files;
  mutable std::vector<unsigned char> ran; /* which instructions some warp has executed */
  std::vector<unsigned char> constants;   /* aligned to 64 by the machine */
  std::vector<Special> specials;
  std::vector<Variable> parameters;
  size_t frame_bytes = 0, parameter_bytes = 0, static_shared_bytes = 0, local_bytes = 0;
  unsigned max_threads = 1024, registers = 0; /* .maxntid; registers: what ptxas says, 0 if not known */
  unsigned stack_bytes = 0;                   /* of a thread in local memory, as ptxas says */
};

/* The PTX text of an object, and where its kernels begin and end. */
struct Module {
  std::string text;
  struct Entry {
    std::string name;
    size_t begin, end; /* of the `.entry` in the text */
  };
  /* A variable before the entries.  One of shared memory belongs to each kernel that names it; one of global
   * memory has its bytes, and an address once the machine has loaded it. */
  struct Outer {
    Variable variable;
    size_t align;
    std::vector<unsigned char> initial;
  };
  /* A function that kernels call: nvcc inlines all but the slow paths of its mathematics. */
  struct Function {
    std::string name;
    std::vector<std::string> parameters; /* the results, then the arguments */
    size_t begin, end;                   /* of its body in the text */
  };
  std::vector<Entry> entries;
  std::vector<Outer> outers;
  std::vector<Function> functions;
  std::vector<std::string> files; /* of `.file` */
};
/* Both throw std::runtime_error with a sentence where they find what they do not know. */
Module read_module(const char *text, size_t bytes);
Kernel decode(const Module &module, const Module::Entry &entry);

/* A name of an instruction, whole as in the text, and its handler. */
struct Opcode {
  const char *name;
  Handler *run;
};
/* The tables of the files; the last row has no name. */
extern const Opcode arithmetic_opcodes[], convert_opcodes[], compare_opcodes[], warp_opcodes[],
    control_opcodes[], async_opcodes[];
/* ld, st, atom, red, cvta, mapa, fence: their names are made of parts ("ld", "global", "v4", "f32"), which go
 * into `access`.  False if the name is none of them. */
bool decode_memory(const std::vector<std::string> &parts, Instruction *instruction);
/* The instruction of a name, without its operands. */
Instruction instruction_of(const std::string &name);

} // namespace soft

#endif
