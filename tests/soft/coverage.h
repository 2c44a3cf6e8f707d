/* coverage.h - what has run in this process, for the sum over all tests (coverage.sh). */
#ifndef SOFT_COVERAGE_H
#define SOFT_COVERAGE_H

namespace soft {

/* Where SEQGPU_SOFT_COVERAGE names a folder: adds a file to it with lines
 *   kernel TAB name TAB launches TAB instructions executed TAB instructions
 *   line TAB kernels/async.h:60                 a line of the source of which an instruction was executed */
void write_coverage();

} // namespace soft

#endif
