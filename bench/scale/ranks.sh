#!/bin/sh
# ranks.sh BUILD_FOLDER [ROUNDS] - what training by two processes costs and brings on this machine, by bench_ranks:
#   one      what the communicator costs a process that is alone
#   two      two processes of one thread each, and the first of them with two threads and both batches, in turns
#   link     two processes on a slow link, where there may be one: a network namespace whose loopback tc slows down
set -eu
build=$1
rounds=${2:-11}
link=${RANKS_LINK:-400mbit} # as tc writes it
mpirun=${MPIRUN:-mpirun}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none # the threads of the first process have both processors
echo "## One process"
for model in small medium; do "$build/bin/bench_ranks" --model $model --rounds "$rounds"; done

echo
echo "## Two processes"
for model in small medium; do "$mpirun" -n 2 "$build/bin/bench_ranks" --model $model --rounds "$rounds"; done

echo
echo "## Two processes on a link of $link"
if unshare -n true 2>/dev/null && command -v tc >/dev/null; then
  unshare -n sh -ec 'ip link set lo mtu 9000 up; tc qdisc add dev lo root tbf rate "$1" burst 256kb limit 16mb; shift; exec "$@"' sh "$link" \
    timeout 600 "$mpirun" --mca btl self,tcp --mca btl_tcp_if_include lo -n 2 "$build/bin/bench_ranks" --model small --layers 6 --rounds "$rounds"
else
  echo "there can be none here: it needs unshare -n and tc"
fi
