/* nvtx_listener.c - what a profiler sees of a program's ranges: a library for NVTX_INJECTION64_PATH that
 * writes each range's name, indented by its depth, to the file that NVTX_LISTENER names, and last how many
 * are left open. */
#include <nvtx3/nvToolsExt.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *out;
static int depth;

static int NVTX_API push(const char *name) {
  fprintf(out, "%*s%s\n", 2 * depth, "", name);
  return depth++;
}

static int NVTX_API pop(void) { return --depth; }

static void close_out(void) {
  fprintf(out, "open: %d\n", depth);
  fclose(out);
}

int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t table_of);

/* NVTX calls this before the program's first range. */
int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t table_of) {
  const NvtxExportTableCallbacks *callbacks = (const NvtxExportTableCallbacks *)table_of(NVTX_ETID_CALLBACKS);
  NvtxFunctionTable table = NULL;
  unsigned size = 0;
  const char *path = getenv("NVTX_LISTENER");
  if (callbacks == NULL || path == NULL || (out = fopen(path, "w")) == NULL ||
      !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &table, &size) ||
      size <= NVTX_CBID_CORE_RangePop)
    return 0;
  *table[NVTX_CBID_CORE_RangePushA] = (NvtxFunctionPointer)push;
  *table[NVTX_CBID_CORE_RangePop] = (NvtxFunctionPointer)pop;
  atexit(close_out);
  return 1;
}
