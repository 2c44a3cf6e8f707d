/* fatbin.cpp - reads the fat binaries that nvcc puts into objects (fatbin.h).
 *
 * An object registers its fat binary, and each kernel by its host function and the name of its .entry, before
 * main.  The layout is not documented; what follows was read from objects of nvcc 13:
 *   container   magic, version, size of this header, size of what follows
 *   entries     kind (1: PTX, 2: machine code in an ELF file), size of this header, size of the payload, size
 *               of a compressed one, architecture, flags; then the payload
 * Of several texts the one for the highest architecture that the device runs is taken.  The machine code beside
 * it says how many registers ptxas gave each kernel: attributes REGCOUNT and FRAME_SIZE in the section .nv.info.
 * In the place of a container may be the path of the object that holds it: refer.sh has taken it out.
 */
#include "tests/soft/fatbin.h"

#include "tests/soft/runtime.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <stdexcept>
#include <unordered_map>

namespace soft {

namespace {

enum : uint32_t { WRAPPER_MAGIC = 0x466243B1, CONTAINER_MAGIC = 0xBA55ED50, ARCHITECTURE = 90 };
const char REFERENCE[] = "soft/refer"; /* before a path: our own */
enum : uint16_t { KIND_PTX = 1, KIND_ELF = 2 };
enum : uint8_t { FORMAT_SIZED = 4, ATTRIBUTE_REGCOUNT = 0x2F, ATTRIBUTE_FRAME_SIZE = 0x11 }; /* of .nv.info */

struct Wrapper {
  uint32_t magic, version;
  const unsigned char *data;
  void *more;
};
struct Container {
  uint32_t magic;
  uint16_t version, header;
  uint64_t size;
};
struct Entry {
  uint16_t kind, version;
  uint32_t header;
  uint64_t size;
  uint32_t compressed_size, options;
  uint16_t minor, major;
  uint32_t architecture;
};
static_assert(sizeof(Container) == 16 && sizeof(Entry) == 32, "as in the file");

template <class T> T read(const unsigned char *at) {
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}

} // namespace

struct Binary {
  const unsigned char *container = NULL;
  bool is_read = false;
  Module module;
  std::map<std::string, unsigned> registers, frames; /* by kernel */
};

namespace {

/* All that is registered.  Objects do so before static objects of other files exist, and nothing of it may be
 * gone when they say good-bye. */
struct Registry {
  std::vector<Registered *> kernels;
  std::unordered_map<const void *, Registered *> by_host_function;
};
Registry &registry() {
  static Registry *all = new Registry();
  return *all;
}

/* ---- files in ELF: objects, and machine code of the device ---- */

struct Elf {
  const unsigned char *file;
  std::vector<Elf64_Shdr> sections;
  const char *text(const Elf64_Shdr &strings, uint32_t at) const {
    return reinterpret_cast<const char *>(file + strings.sh_offset + at);
  }
  /* NULL if there is none. */
  const Elf64_Shdr *section(const char *name) const {
    const Elf64_Shdr &names = sections.at(read<Elf64_Ehdr>(file).e_shstrndx);
    for (const Elf64_Shdr &section : sections)
      if (strcmp(text(names, section.sh_name), name) == 0) return &section;
    return NULL;
  }
};

Elf open_elf(const unsigned char *file) {
  const Elf64_Ehdr header = read<Elf64_Ehdr>(file);
  Elf elf = {file, {}};
  for (unsigned i = 0; i < header.e_shnum; i++)
    elf.sections.push_back(read<Elf64_Shdr>(file + header.e_shoff + (uint64_t)i * header.e_shentsize));
  return elf;
}

/* The container in an object, which stays mapped. */
const unsigned char *container_in(const std::string &path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat about;
  void *file = MAP_FAILED;
  if (fd >= 0 && fstat(fd, &about) == 0)
    file = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (fd >= 0) close(fd);
  if (file == MAP_FAILED)
    throw std::runtime_error(path + ": cannot be read, and has kernels of this program");
  const Elf elf = open_elf(static_cast<const unsigned char *>(file));
  const Elf64_Shdr *const section = elf.section(".nv_fatbin");
  if (section == NULL) throw std::runtime_error(path + ": has no fat binary");
  return elf.file + section->sh_offset;
}

/* ---- how many registers a kernel has, and bytes of local memory in a thread ---- */

/* Calls found(attribute, symbol, value) for each attribute of a symbol in a section .nv.info. */
template <class F> void each_attribute(const unsigned char *at, uint64_t bytes, F found) {
  const unsigned char *const end = at + bytes;
  while (end - at >= 4) {
    const uint8_t format = at[0], attribute = at[1];
    const uint16_t size = read<uint16_t>(at + 2);
    at += 4;
    if (format != FORMAT_SIZED) continue; /* the value stands in place of the size */
    if (size == 8) found(attribute, read<uint32_t>(at), read<uint32_t>(at + 4));
    at += size;
  }
}

void read_attributes(const unsigned char *file, Binary *binary) {
  const Elf elf = open_elf(file);
  const Elf64_Shdr *const symbols = elf.section(".symtab"), *const info = elf.section(".nv.info");
  if (symbols == NULL || info == NULL) return;
  const Elf64_Shdr &strings = elf.sections.at(symbols->sh_link);
  each_attribute(file + info->sh_offset, info->sh_size, [&](uint8_t which, uint32_t symbol, uint32_t value) {
    if (which != ATTRIBUTE_REGCOUNT && which != ATTRIBUTE_FRAME_SIZE) return;
    const Elf64_Sym s = read<Elf64_Sym>(file + symbols->sh_offset + symbol * sizeof(Elf64_Sym));
    (which == ATTRIBUTE_REGCOUNT ? binary->registers : binary->frames)[elf.text(strings, s.st_name)] = value;
  });
}

/* ---- the text ---- */

struct Found {
  Entry entry = {};
  const unsigned char *payload = NULL;
  /* Better than what was found before: for a higher architecture that the device still runs. */
  void consider(const Entry &other, const unsigned char *at) {
    if (other.architecture > ARCHITECTURE || other.architecture < entry.architecture) return;
    entry = other;
    payload = at;
  }
};

void read_binary(Binary *binary) {
  if (binary->container == NULL) throw std::runtime_error("what an object registers is no fat binary");
  if (memcmp(binary->container, REFERENCE, sizeof REFERENCE) == 0)
    binary->container = container_in(reinterpret_cast<const char *>(binary->container) + sizeof REFERENCE);
  const Container container = read<Container>(binary->container);
  if (container.magic != CONTAINER_MAGIC)
    throw std::runtime_error("what an object registers is no fat binary");
  const unsigned char *at = binary->container + container.header, *const end = at + container.size;
  Found text, code;
  while (at < end) {
    const Entry entry = read<Entry>(at);
    if (entry.kind == KIND_PTX) text.consider(entry, at + entry.header);
    if (entry.kind == KIND_ELF) code.consider(entry, at + entry.header);
    at += entry.header + entry.size;
  }
  if (text.payload == NULL)
    throw std::runtime_error(
        "an object holds no PTX for compute capability 9.0: compile for 90-virtual as well");
  if (text.entry.compressed_size != 0)
    throw std::runtime_error("the PTX in an object is compressed: compile with --no-compress");
  const char *const begin = reinterpret_cast<const char *>(text.payload);
  binary->module = read_module(begin, strnlen(begin, text.entry.size));
  machine().load(&binary->module);
  if (code.payload != NULL && code.entry.compressed_size == 0 && code.entry.architecture == ARCHITECTURE)
    read_attributes(code.payload, binary);
  binary->is_read = true;
}

} // namespace

Registered *find_kernel(const void *host_function) {
  const auto found = registry().by_host_function.find(host_function);
  return found == registry().by_host_function.end() ? NULL : found->second;
}

const std::vector<Registered *> &registered_kernels() { return registry().kernels; }

const std::shared_ptr<const Kernel> &decoded(Registered &kernel) {
  if (kernel.kernel != NULL) return kernel.kernel;
  Binary *binary = kernel.binary;
  if (!binary->is_read) read_binary(binary);
  for (const Module::Entry &entry : binary->module.entries) {
    if (entry.name != kernel.name) continue;
    Kernel made = decode(binary->module, entry);
    const auto registers = binary->registers.find(kernel.name);
    if (registers != binary->registers.end()) made.registers = registers->second;
    made.stack_bytes = binary->frames[kernel.name];
    kernel.kernel = std::make_shared<const Kernel>(std::move(made));
    return kernel.kernel;
  }
  throw std::runtime_error("the PTX of its object has no kernel " + kernel.name);
}

} // namespace soft

/* ---- what the objects call ---- */

extern "C" {

void **__cudaRegisterFatBinary(void *wrapper);
void __cudaRegisterFatBinaryEnd(void **handle);
void __cudaUnregisterFatBinary(void **handle);
char __cudaInitModule(void **handle);
void __cudaRegisterFunction(void **handle, const char *host_function, char *device_function,
                            const char *device_name, int, void *, void *, void *, void *, int *);

void **__cudaRegisterFatBinary(void *wrapper) {
  const soft::Wrapper w = *static_cast<soft::Wrapper *>(wrapper);
  soft::watch_exit();
  soft::Binary *binary = new soft::Binary();
  if (w.magic == soft::WRAPPER_MAGIC) binary->container = w.data;
  return reinterpret_cast<void **>(binary);
}

void __cudaRegisterFatBinaryEnd(void **) {}

void __cudaUnregisterFatBinary(void **) {} /* the leaks are looked for later still */

char __cudaInitModule(void **) { return 1; }

void __cudaRegisterFunction(void **handle, const char *host_function, char *, const char *device_name, int,
                            void *, void *, void *, void *, int *) {
  soft::Registered *kernel = new soft::Registered();
  kernel->name = device_name;
  kernel->binary = reinterpret_cast<soft::Binary *>(handle);
  soft::registry().kernels.push_back(kernel);
  soft::registry().by_host_function[host_function] = kernel;
}

} // extern "C"
