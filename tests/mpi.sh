# mpi.sh - sourced by the test scripts that start processes by mpirun, or by the one that SEQGPU_TEST_MPIRUN names: it must be that
# of the MPI in the build.
mpirun=${SEQGPU_TEST_MPIRUN:-mpirun}
have_mpirun() { command -v "$mpirun" >/dev/null 2>&1; }

# processes N COMMAND...: runs it N times, at most 300 s, also as root and on fewer processors.  MPI keeps what it takes
# until the end, which LeakSanitizer would call leaks.
processes() {
  n=$1
  shift
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    OMPI_MCA_btl_base_warn_component_unused=0 ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 \
    timeout -k 5 300 "$mpirun" -n "$n" "$@"
}
